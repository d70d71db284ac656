/**
 * @file All values of a tensor of a checkpoint.
 */
import { nElements } from '../../gguf/index.ts';
import { decode } from '../output-types.ts';
import { type CheckpointTensor, dtypeBytes } from './tensors.ts';

/** The values of `tensor` as float32, row-major. */
export async function readAll({ dtype, shape, read }: CheckpointTensor): Promise<Float32Array> {
  const values = new Float32Array(nElements(shape));
  const bytes = new Uint8Array(values.length * dtypeBytes[dtype]);
  await read(0, bytes);
  decode(dtype, bytes, values);
  return values;
}
