/**
 * @file `quantize` from file to file, for Node, Bun and Deno.
 */
import { stat } from 'node:fs/promises';
import { createFile } from '../gguf/create-file.node.ts';
import { openModelFile } from '../gguf/file.node.ts';
import { GgufError, openGguf } from '../gguf/index.ts';
import { type QuantizeOptions, quantize } from './quantize.ts';
import type { TargetTypeName, TensorPlan } from './types.ts';

/**
 * As `quantize`, from the file `input` to the file `output`, which appears when it is complete, in the place of one
 * that was there; after a failure there is nothing new.
 * @throws GgufError as `quantize` does, and when both are the same file: what quantising loses would be gone for good
 */
export async function quantizeFile(
  input: string,
  output: string,
  type: TargetTypeName,
  options: QuantizeOptions = {},
): Promise<readonly TensorPlan[]> {
  if (await isSameFile(input, output)) {
    throw new GgufError('is the file that is read; give the new one another name', { source: output });
  }
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

/** Whether both paths lead to one file, through links too. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([a, b].map((path) => stat(path, { bigint: true }).catch(() => undefined)));
  return x !== undefined && y !== undefined && x.dev === y.dev && x.ino === y.ino;
}
