/**
 * @file A tensor that is computed while it is written: the rows of another one, normalised, through a linear layer. DeBERTa's layers project
 * the rows of distances, which no text changes.
 */
import { readAll } from './read-all.ts';
import type { CheckpointTensor } from './tensors.ts';

/** A linear layer of a checkpoint. */
export interface Projection {
  readonly weight: CheckpointTensor;
  readonly bias?: CheckpointTensor;
}

/** A layer norm of a checkpoint. */
export interface Normalisation {
  readonly weight: CheckpointTensor;
  readonly bias: CheckpointTensor;
  readonly eps: number;
}

/** What the rows are computed from, in memory from the first value that is read to the last. */
interface Loaded {
  readonly rows: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
}

/** `norm(rows[0 … nRows]) Wᵀ + bias`, `[nRows, nOut]` in float32. */
export function projected(
  name: string,
  rows: CheckpointTensor,
  nRows: number,
  { weight, bias }: Projection,
  norm: Normalisation | undefined,
): CheckpointTensor {
  const [nOut, nIn] = weight.shape;
  let loaded: Loaded | undefined;
  const load = async (): Promise<Loaded> => {
    const values = (await readAll(rows)).subarray(0, nRows * nIn);
    if (norm !== undefined) normalise(values, await readAll(norm.weight), await readAll(norm.bias), norm.eps);
    return { rows: values, weight: await readAll(weight), bias: bias && (await readAll(bias)) };
  };
  return {
    name,
    dtype: 'F32',
    shape: [nRows, nOut],
    async read(first, into) {
      loaded ??= await load();
      const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
      const n = into.length / 4;
      for (let i = 0; i < n; i++) view.setFloat32(4 * i, valueAt(loaded, first + i, nIn, nOut), true);
      if (first + n === nRows * nOut) loaded = undefined;
    },
  };
}

/** Value `at` of the product, summed in double. */
function valueAt({ rows, weight, bias }: Loaded, at: number, nIn: number, nOut: number): number {
  const row = Math.floor(at / nOut) * nIn;
  const column = at % nOut;
  let sum = 0;
  for (let c = 0; c < nIn; c++) sum += rows[row + c] * weight[column * nIn + c];
  return sum + (bias?.[column] ?? 0);
}

/** Layer norm of each row, in place. */
function normalise(values: Float32Array, weight: Float32Array, bias: Float32Array, eps: number): void {
  const n = weight.length;
  for (let at = 0; at < values.length; at += n) {
    const row = values.subarray(at, at + n);
    const mean = row.reduce((sum, value) => sum + value, 0) / n;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
    const factor = 1 / Math.sqrt(variance + eps);
    for (let c = 0; c < n; c++) row[c] = (row[c] - mean) * factor * weight[c] + bias[c];
  }
}
