/**
 * @file The command `convert`.
 */
import { convertFolder } from '../convert/file.node.ts';
import type { OutputType } from '../convert/output-types.ts';
import { abortOnSignal } from './abort-on-signal.ts';
import { log, progressLine } from './log.ts';
import type { Parsed } from './parse-options.ts';
import { summary } from './tensor-summary.ts';
import { UsageError } from './usage-error.ts';

/** Converts a folder to a file and prints a summary. */
export async function convert({ values, positionals }: Parsed): Promise<void> {
  const [folder, output, ...others] = positionals;
  if (output === undefined || others.length > 0) {
    throw new UsageError('give a folder and a file: gguf-embed convert FOLDER OUT');
  }
  const show = progressLine();
  const tensors = await convertFolder(folder, output, values.outtype.toUpperCase() as OutputType, {
    modelName: values.modelName,
    vision: values.vision,
    signal: abortOnSignal(),
    onWarning: log,
    onProgress: (progress) => show(progress.values, progress.totalValues, () => progress.tensor.name),
  });
  log(summary(output, tensors));
}
