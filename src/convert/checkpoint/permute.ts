/**
 * @file Another order of the rows of queries and keys: PyTorch rotates the two halves of a head against each other, llama.cpp's LLaMA
 * neighbouring rows.
 */
import { nElements } from '../../gguf/index.ts';
import { ConvertError } from '../conversion-error.ts';
import { type CheckpointTensor, dtypeBytes } from './tensors.ts';

/**
 * `source` with the rows of the two halves of each head in turn.
 * @throws ConvertError if the rows cannot be divided into heads of two halves
 */
export function interleaveHalves(source: CheckpointTensor, nHead: number): CheckpointTensor {
  const [rows, ...rest] = source.shape;
  const half = rows / nHead / 2;
  if (!Number.isInteger(half)) {
    throw new ConvertError(`tensor ${source.name}: ${rows} rows cannot be divided into ${nHead} heads of two halves`);
  }
  const width = nElements(rest);
  const bytes = dtypeBytes[source.dtype];
  return {
    ...source,
    async read(first, into) {
      const end = first + into.length / bytes;
      for (let at = first; at < end; ) {
        const [row, column] = [Math.floor(at / width), at % width];
        const n = Math.min(width - column, end - at);
        const [head, place] = [Math.floor(row / (2 * half)), row % (2 * half)];
        const from = head * 2 * half + (place % 2) * half + Math.floor(place / 2);
        await source.read(from * width + column, into.subarray((at - first) * bytes, (at - first + n) * bytes));
        at += n;
      }
    },
  };
}
