/**
 * @file Adds a number to the values of a tensor: checkpoints of Gemma store norm weights minus 1.
 */
import { decode } from '../output-types.ts';
import { type CheckpointTensor, dtypeBytes } from './tensors.ts';

/** `source` with `offset` added to every value, in float32; `source` itself for 0. */
export function plus(source: CheckpointTensor, offset: number): CheckpointTensor {
  if (offset === 0) return source;
  return {
    name: source.name,
    dtype: 'F32',
    shape: source.shape,
    async read(first, into) {
      const n = into.length / 4;
      const bytes = new Uint8Array(n * dtypeBytes[source.dtype]);
      await source.read(first, bytes);
      const values = new Float32Array(n);
      decode(source.dtype, bytes, values);
      for (let i = 0; i < n; i++) values[i] += offset;
      into.set(new Uint8Array(values.buffer));
    },
  };
}
