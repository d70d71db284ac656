/**
 * @file The reference backend's tensor: a float32 matrix. Its rows may be parts of the rows of a wider matrix.
 */
import type { Tensor } from '../../tensor/ops.ts';

/** `[rows, cols]`; row `r` is the `cols` values from `start + r · stride` of `data` on. */
export class Matrix implements Tensor {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array;
  readonly start: number;
  readonly stride: number;

  constructor(data: Float32Array, rows: number, cols: number, start = 0, stride = cols) {
    this.data = data;
    this.rows = rows;
    this.cols = cols;
    this.start = start;
    this.stride = stride;
  }

  /** Row `r` as a view: writing to it writes to the matrix. */
  row(r: number): Float32Array {
    const begin = this.start + r * this.stride;
    return this.data.subarray(begin, begin + this.cols);
  }

  /** Columns `[begin, begin + n)` of row `r` as a view, for example one head. */
  slice(r: number, begin: number, n: number): Float32Array {
    const at = this.start + r * this.stride + begin;
    return this.data.subarray(at, at + n);
  }

  /** All values, row after row, in new memory. */
  copy(): Float32Array {
    const values = new Float32Array(this.rows * this.cols);
    for (let r = 0; r < this.rows; r++) values.set(this.row(r), r * this.cols);
    return values;
  }
}

/** `Σ a[i]·b[i]`, summed in double. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
