/**
 * @file `quantize` from file to file, for Node, Bun and Deno.
 */
import { createFile } from '../gguf/create-file.node.ts';
import { openModelFile } from '../gguf/file.node.ts';
import { openGguf } from '../gguf/index.ts';
import { type QuantizeOptions, quantize } from './quantize.ts';
import type { FileTypeName, TensorPlan } from './quantize-types.ts';

/**
 * As `quantize`, from the file `input` to the file `output`, which appears when it is complete, in the place of one
 * that was there; after a failure there is nothing new. The two may be the same.
 */
export async function quantizeFile(
  input: string,
  output: string,
  type: FileTypeName,
  options: QuantizeOptions = {},
): Promise<readonly TensorPlan[]> {
  const file = await openGguf(await openModelFile(input));
  try {
    const sink = await createFile(output);
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
