/**
 * @file The kernel of a convolution as the matrix that multiplies rows that lie side by side.
 */
import { type CheckpointTensor, dtypeBytes } from './tensors.ts';

/** `[nOut, nIn, nTaps]` → `[nOut, nTaps · nIn]`. */
export function kernelAsMatrix(source: CheckpointTensor): CheckpointTensor {
  const [nOut, nIn, nTaps] = source.shape;
  const width = nTaps * nIn;
  const bytes = dtypeBytes[source.dtype];
  return {
    ...source,
    shape: [nOut, width],
    async read(first, into) {
      const row = new Uint8Array(width * bytes);
      const end = first + into.length / bytes;
      let to = 0;
      for (let at = first; at < end; at += width - (at % width)) {
        const column = at % width;
        await source.read(at - column, row);
        for (let c = column; c < Math.min(width, column + end - at); c++) {
          const from = ((c % nIn) * nTaps + Math.floor(c / nIn)) * bytes;
          for (let i = 0; i < bytes; i++) into[to++] = row[from + i];
        }
      }
    },
  };
}
