/**
 * @file The command `edit`.
 */
import { editFile } from '../gguf/edit.node.ts';
import { abortOnSignal } from './abort-on-signal.ts';
import { counted, log } from './log.ts';
import { readMetadataValues } from './metadata-values.ts';
import type { Parsed } from './parse-options.ts';
import { UsageError } from './usage-error.ts';

/** Changes the metadata of a file. */
export async function edit({ values, positionals }: Parsed): Promise<void> {
  const [input, output, ...others] = positionals;
  if (input === undefined || others.length > 0) {
    throw new UsageError(
      'give the file, and the new one if it must not be changed: gguf-embed edit IN [OUT] --set KEY=TYPE:VALUE',
    );
  }
  const set = readMetadataValues(values.set ?? [], '--set');
  const remove = values.remove ?? [];
  const nChanges = Object.keys(set).length + remove.length;
  if (nChanges === 0) throw new UsageError('nothing to change: give --set KEY=TYPE:VALUE or --remove KEY');
  const outcome = await editFile(input, output, { set, remove }, abortOnSignal());
  const how = outcome === 'in place' ? 'its header was written anew' : 'the file was written anew';
  log(`${output ?? input}: ${counted(nChanges, 'change')}, ${how}`);
}
