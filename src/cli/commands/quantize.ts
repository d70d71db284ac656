/**
 * @file The command `quantize`.
 */
import { dirname, join } from 'node:path';
import { quantizeFile } from '../../quantize/file.node.ts';
import { findTargetType, type TargetType, targetTypes } from '../../quantize/types.ts';
import { abortOnSignal } from '../abort-on-signal.ts';
import { log, progressLine } from '../log.ts';
import type { Parsed } from '../options/parse-options.ts';
import { summary } from '../output/tensor-summary.ts';
import { UsageError } from '../usage-error.ts';

/** The arguments of `llama-quantize`: `IN [OUT] TYPE [THREADS]`. Without OUT, the type becomes part of the name. */
interface Arguments {
  readonly input: string;
  readonly output: string;
  readonly type: TargetType;
}

function readArguments(positionals: readonly string[]): Arguments {
  const known = targetTypes.map(({ id, name }) => `${name} (${id})`).join(', ');
  const usage = 'gguf-embed quantize IN [OUT] TYPE [THREADS]';
  const [input, second, third, fourth, ...others] = positionals;
  if (second === undefined || others.length > 0) {
    throw new UsageError(`give a file and a type: ${usage} (types: ${known})`);
  }
  // If the second argument is a type, there is no OUT.
  const withoutOutput = findTargetType(second) !== undefined;
  if (!withoutOutput && third === undefined) {
    throw new UsageError(`there is no type ${second}: ${usage} (types: ${known})`);
  }
  const [typeName, threads, extra] = withoutOutput ? [second, third, fourth] : [third, fourth, undefined];
  const type = findTargetType(typeName);
  if (type === undefined) throw new UsageError(`there is no type ${typeName} (types: ${known})`);
  if (extra !== undefined || (threads !== undefined && !/^\d+$/.test(threads))) {
    throw new UsageError(`the number of threads must be a number, not ${extra ?? threads}: ${usage}`);
  }
  if (threads !== undefined) log('the number of threads is ignored: quantize computes on one thread');
  return { input, output: withoutOutput ? join(dirname(input), `ggml-model-${type.name}.gguf`) : second, type };
}

/** Writes a smaller file and prints a summary. */
export async function quantize({ values, positionals }: Parsed): Promise<void> {
  const { input, output, type } = readArguments(positionals);
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
