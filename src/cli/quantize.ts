/**
 * @file The command `quantize`.
 */
import { quantizeFile } from '../quantize/file.node.ts';
import { findTargetType, targetTypes } from '../quantize/types.ts';
import { abortOnSignal } from './abort-on-signal.ts';
import { log, progressLine } from './log.ts';
import type { Parsed } from './parse-options.ts';
import { summary } from './tensor-summary.ts';
import { UsageError } from './usage-error.ts';

/** Writes a smaller file and says what is in it. */
export async function quantize({ values, positionals }: Parsed): Promise<void> {
  const [input, output, typeName, ...others] = positionals;
  const known = targetTypes.map(({ name }) => name).join(', ');
  if (typeName === undefined || others.length > 0) {
    throw new UsageError(`give two files and a type: gguf-embed quantize IN OUT TYPE (types: ${known})`);
  }
  const type = findTargetType(typeName);
  if (type === undefined) throw new UsageError(`there is no type ${typeName} (types: ${known})`);
  const show = progressLine();
  const plan = await quantizeFile(input, output, type.name, {
    pure: values.pure,
    allowRequantize: values.allowRequantize,
    signal: abortOnSignal(),
    onProgress: ({ tensor, bytes, totalBytes }) => show(bytes, totalBytes, () => tensor.info.name),
  });
  log(
    summary(
      output,
      plan.map(({ info, type }) => ({ type, shape: info.shape })),
    ),
  );
}
