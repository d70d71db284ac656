/**
 * @file Tensors as pictures in 8 bits, small enough for a page, and the norms of their rows.
 */
import { base64 } from './base64.ts';

/** A table of values with a name. */
export interface Table {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** `[rows, cols]`, row-major. */
  readonly values: Float32Array;
}

/** A matrix as a picture. A cell of a picture that is smaller than its matrix has the value of largest magnitude below it. */
export interface Picture {
  readonly name: string;
  /** Of the matrix. */
  readonly rows: number;
  readonly cols: number;
  /** Of the picture. */
  readonly height: number;
  readonly width: number;
  /** The largest finite magnitude. */
  readonly scale: number;
  /** Row-major bytes in base64: 128 is 0, 1 is −scale, 255 is scale; 0 is NaN or infinite. */
  readonly cells: string;
}

/** The shares of attention of one layer: one picture a head. */
export interface AttentionLayer {
  readonly layer: string;
  readonly heads: readonly Picture[];
}

/** Cells of a picture along each side. */
const MAX_SIDE = 320;

/** The shares of attention among `n` rows, head by head. */
export function headsOf({ name, values, rows }: Table, n: number): AttentionLayer {
  return {
    layer: name.replace(/^kq_soft_max-?/, ''),
    heads: Array.from({ length: rows / n }, (_, head) =>
      picture(`head ${head}`, values.subarray(head * n * n, (head + 1) * n * n), n, n),
    ),
  };
}

/** The Euclidean norm of each row. */
export function rowNorms({ values, rows, cols }: Table): number[] {
  return Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (const value of values.subarray(r * cols, (r + 1) * cols)) sum += value * value;
    return Number(Math.sqrt(sum).toPrecision(4));
  });
}

/** A matrix as a picture. */
export function picture(name: string, values: Float32Array, rows: number, cols: number): Picture {
  const [height, width] = [Math.min(rows, MAX_SIDE), Math.min(cols, MAX_SIDE)];
  const best = new Float32Array(height * width);
  let scale = 0;
  for (let r = 0; r < rows; r++) {
    const y = Math.floor((r * height) / rows) * width;
    for (let c = 0; c < cols; c++) {
      const at = y + Math.floor((c * width) / cols);
      const value = values[r * cols + c];
      // What is no number stays once it is there.
      if (!Number.isNaN(best[at]) && !(Math.abs(value) <= Math.abs(best[at]))) best[at] = value;
      if (Number.isFinite(value) && Math.abs(value) > scale) scale = Math.abs(value);
    }
  }
  const bytes = Uint8Array.from(best, (value) =>
    Number.isFinite(value) ? 128 + Math.round((127 * value) / (scale || 1)) : 0,
  );
  return { name, rows, cols, height, width, scale: Number(scale.toPrecision(6)), cells: base64(bytes) };
}
