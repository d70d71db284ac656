/**
 * @file The inputs that a command line names: arguments, `-f`, or standard input, which is kept in a file so that it can be read twice.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemReason } from '../../gguf/system-error.ts';
import { openInput } from '../input/input.ts';
import { log } from '../log.ts';
import type { Parsed } from '../options/parse-options.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';
import { findInputs, type InputFile } from './input-files.ts';
import { OutputFile } from './output-file.ts';

/** Input files, and a function that removes what was kept of standard input. */
interface JobInputs {
  readonly files: readonly InputFile[];
  release(): Promise<void>;
}

/** @throws UsageError for inputs that cannot be found, or are given in two ways */
export async function inputsOfCommand(
  { values, positionals }: Parsed,
  outputFolder: string | undefined,
  signal: AbortSignal,
): Promise<JobInputs> {
  const { file, stdin, prompt, images = [], inputFormat, jsonl } = values;
  if (prompt !== undefined || images.length > 0)
    throw new UsageError('--output is for files: give them as arguments, not -p or --image');
  const names = [...positionals, ...(file === undefined ? [] : [file])];
  if (names.length > 0) {
    if (stdin) throw new UsageError('--stdin cannot be used together with input files');
    const { files, nLeftOut } = await findInputs(names, jsonl ? 'jsonl' : inputFormat, outputFolder);
    if (nLeftOut > 0) log(`${plural(nLeftOut, 'file')} of folders left out: their names do not say a known format`);
    return { files, release: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-')).catch((cause: Error) => {
    const problem = `standard input is kept in ${tmpdir()} until the job ends, which cannot be written`;
    throw new UsageError(`${problem}: ${systemReason(cause)} (TMPDIR names another folder)`, { cause });
  });
  const release = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'standard-input');
    const kept = await OutputFile.create(path);
    const { stream, source: name } = await openInput(undefined);
    for await (const bytes of stream) {
      signal.throwIfAborted();
      await kept.write(bytes);
    }
    await kept.commit();
    return { files: [{ path, name, format: inputFormat ?? 'jsonl', compression: undefined }], release };
  } catch (error) {
    await release();
    throw error;
  }
}
