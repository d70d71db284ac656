/**
 * @file The command `edit`.
 */
import { editFile } from '../../gguf/edit.node.ts';
import { openModelFile } from '../../gguf/file.node.ts';
import { changeMetadata, GgufError, type GgufFile, type MetadataValue, openGguf } from '../../gguf/index.ts';
import { createTokenizer, TokenizerError } from '../../tokenizer/index.ts';
import { abortOnSignal } from '../abort-on-signal.ts';
import { log } from '../log.ts';
import { modelInFile } from '../model/model-in-file.ts';
import { readMetadataValues } from '../options/metadata-values.ts';
import type { Parsed } from '../options/parse-options.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

/** Changes the metadata of a file. */
export async function edit({ values, positionals }: Parsed): Promise<void> {
  const [input, output, ...others] = positionals;
  if (input === undefined || others.length > 0) {
    throw new UsageError(
      'give the file, and the new one if it must not be changed: gguf-embed edit IN [OUT] --set KEY=TYPE:VALUE',
    );
  }
  const set = readMetadataValues(values.set ?? [], '--set');
  const remove = [...new Set(values.remove)];
  const both = remove.find((key) => key in set);
  if (both !== undefined) throw new UsageError(`--set and --remove both name ${both}: give one of them`);
  const nChanges = Object.keys(set).length + remove.length;
  if (nChanges === 0) throw new UsageError('nothing to change: give --set KEY=TYPE:VALUE or --remove KEY');
  await checkStillRuns(input, { set, remove }, output === undefined);
  const outcome = await editFile(input, output, { set, remove }, abortOnSignal());
  const how = outcome === 'in place' ? 'its header was rewritten' : 'the file was rewritten';
  log(`${output ?? input}: ${plural(nChanges, 'change')}, ${how}`);
}

/**
 * Notices changes after which a model no longer runs: a key that was removed is gone.
 * @throws UsageError if the file itself is to be changed; a copy gets a warning
 */
async function checkStillRuns(
  input: string,
  changes: { readonly set: Record<string, MetadataValue>; readonly remove: readonly string[] },
  inPlace: boolean,
): Promise<void> {
  const file = await openGguf(await openModelFile(input));
  try {
    if (problemWith(file) !== undefined) return;
    const problem = problemWith(await changeMetadata(file, changes));
    if (problem === undefined) return;
    if (!inPlace) log(`warning: the new file cannot be loaded: ${problem}`);
    else throw new UsageError(`the file could not be loaded afterwards: ${problem} (give an OUT to change a copy)`);
  } finally {
    await file.close();
  }
}

/** Why the model in a file cannot run. */
function problemWith(file: GgufFile): string | undefined {
  const model = modelInFile(file);
  if ('problem' in model) return model.problem;
  if (model.kind === 'vision tower') return undefined;
  try {
    createTokenizer(file.metadata);
    return undefined;
  } catch (error) {
    if (error instanceof TokenizerError || error instanceof GgufError) return error.message;
    throw error;
  }
}
