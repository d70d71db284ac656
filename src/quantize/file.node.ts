/**
 * @file `quantize` from file to file, for Node, Bun and Deno.
 */
import { createFile } from '../gguf/create-file.node.ts';
import { openModelFile } from '../gguf/file.node.ts';
import { openGguf } from '../gguf/index.ts';
import { partNames } from '../gguf/split.ts';
import { type QuantizeOptions, quantize } from './quantize.ts';
import type { TargetTypeName, TensorPlan } from './types.ts';

/**
 * Like `quantize`, from the file `input` to the file `output`. The output appears when it is complete and replaces an existing file. A
 * failure leaves everything unchanged.
 * @throws GgufError as `quantize` does, and if the output is also an input file, because the lost precision could not be recovered
 */
export async function quantizeFile(
  input: string,
  output: string,
  type: TargetTypeName,
  options: QuantizeOptions = {},
): Promise<readonly TensorPlan[]> {
  const file = await openGguf(await openModelFile(input));
  try {
    const sink = await createFile(output, [input, ...partNames(input)]);
    try {
      const plan = await quantize(file, sink, type, options);
      await sink.commit();
      return plan;
    } finally {
      await sink.discard();
    }
  } finally {
    await file.close();
  }
}
