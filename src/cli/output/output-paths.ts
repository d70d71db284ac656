/**
 * @file Checks the output files of a command before it starts.
 */
import { dirname, resolve } from 'node:path';
import { files } from '../input/files.ts';
import type { LocatedPair } from '../model/chosen-projector.ts';
import { loraSources } from '../model/lora-sources.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';

/**
 * Makes sure that no output replaces another one or an input, also through links, and that its folder exists.
 * @param outputs paths by flag, several where it names several files; `undefined` for a flag that is not given
 * @param inputs paths of the files that are read
 * @throws UsageError that names flag and file
 */
export async function distinctOutputs(
  outputs: Readonly<Record<string, string | readonly string[] | undefined>>,
  inputs: readonly string[],
): Promise<void> {
  const given = Object.entries(outputs).flatMap(([flag, paths = []]) => [paths].flat().map((path) => [flag, path]));
  if (given.length === 0) return;
  const read = new Set(await Promise.all(inputs.map(identity)));
  const written = new Map<string, string>();
  for (const [flag, path] of given) {
    const id = await identity(path);
    if (read.has(id)) throw new UsageError(`${flag} ${path} is also an input file: choose another name for the output`);
    const other = written.get(id);
    if (other !== undefined && other !== flag)
      throw new UsageError(`${other} and ${flag} name the same file ${path}: give each its own`);
    written.set(id, flag);
  }
}

/**
 * The files that a command reads by its options.
 * @param pair the model and its vision tower once they are on disk
 * @throws UsageError for an adapter whose scale is missing or no number
 */
export function filesRead(values: OptionValues, pair?: LocatedPair): string[] {
  const { model, mmproj, promptsFile, config, compare, file, images = [] } = values;
  const single = [pair?.path, pair?.mmproj, model, mmproj, promptsFile, config, compare, file];
  const adapters = loraSources(values).map(({ source }) => source);
  return [...single.filter((path) => path !== undefined), ...adapters, ...images];
}

/** Device and inode of a file, also through links; of a new file, those of its folder and its name. */
async function identity(path: string): Promise<string> {
  const found = await files()
    .stat(path, { bigint: true })
    .catch(() => undefined);
  if (found !== undefined) return `${found.dev} ${found.ino}`;
  const whole = resolve(path);
  const folder = await files()
    .stat(dirname(whole), { bigint: true })
    .catch(() => undefined);
  const name = whole.slice(dirname(whole).length);
  return folder === undefined ? whole : `${folder.dev} ${folder.ino} ${name}`;
}
