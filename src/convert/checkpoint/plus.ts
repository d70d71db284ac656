/**
 * @file Adds a number to the values of a tensor, or multiplies them: checkpoints of Gemma store norm weights minus 1, and those of MPNet
 * a bias for scores of another scale.
 */
import { decode } from '../output-types.ts';
import { type CheckpointTensor, dtypeBytes } from './tensors.ts';

/** `source` with `offset` added to every value, in float32; `source` itself for 0. */
export function plus(source: CheckpointTensor, offset: number): CheckpointTensor {
  return offset === 0 ? source : mapped(source, (value) => value + offset);
}

/** `source` with every value multiplied by `factor`, in float32. */
export function times(source: CheckpointTensor, factor: number): CheckpointTensor {
  return mapped(source, (value) => value * factor);
}

function mapped(source: CheckpointTensor, change: (value: number) => number): CheckpointTensor {
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
      for (let i = 0; i < n; i++) values[i] = change(values[i]);
      into.set(new Uint8Array(values.buffer));
    },
  };
}
