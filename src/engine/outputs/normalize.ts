/**
 * @file The last steps of a vector: cut, normalise, pad.
 */
import type { Pooling } from '../../models/index.ts';
import { pow } from '../../tensor/exact-math.ts';
import { InputError } from '../errors.ts';

/** llama.cpp's `embd_normalize`: euclidean. */
export const DEFAULT_NORMALIZE = 2;

/** The default normalisation of each kind of pooling. */
export function normalizeOf(pooling: Pooling): number {
  return pooling === 'none' || pooling === 'rank' ? -1 : DEFAULT_NORMALIZE;
}

/**
 * Normalises `x` in place as llama.cpp's `embd_normalize` does: -1 changes nothing, 0 scales the largest magnitude to
 * 32760, 2 is the euclidean norm, any other integer p the p-norm. As in llama.cpp, squares are float32, their sum is float64,
 * and the values are multiplied by the reciprocal of the norm, rounded to float32. A norm of 0 gives zeros. A vector with a NaN or an infinity
 * becomes NaN.
 * @throws InputError if the norm of a vector of numbers exceeds those of float64 (of float32, for squares)
 */
export function normalize(x: Float32Array, p: number): void {
  if (p === -1) return;
  const norm = p === 0 ? largest(x) / 32760 : p === 2 ? euclidean(x) : pNorm(x, p);
  const isNumber = norm < Number.POSITIVE_INFINITY;
  if (!isNumber && areFinite(x)) {
    throw new InputError('option', `the norm of a vector is too large a number to normalise with ${p}: choose another`);
  }
  const factor = !isNumber ? Number.NaN : norm > 0 ? Math.fround(1 / norm) : 0;
  for (let i = 0; i < x.length; i++) x[i] *= factor;
}

/** Whether all values are numbers. A loop: `every` takes ten times as long. */
export function areFinite(x: Float32Array): boolean {
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(x[i])) return false;
  return true;
}

function largest(x: Float32Array): number {
  let max = 0;
  for (const value of x) max = Math.max(max, Math.abs(value));
  return max;
}

function euclidean(x: Float32Array): number {
  let sum = 0;
  for (const value of x) sum += Math.fround(value * value);
  return Math.sqrt(sum);
}

function pNorm(x: Float32Array, p: number): number {
  let sum = 0;
  for (const value of x) sum += pow(Math.abs(value), p);
  return pow(sum, 1 / p);
}

/**
 * Finishes the rows of a `[n, width]` result: the first `dimensions` values of each row, normalised,
 * and padded with zeros if `dimensions` is more than `width`.
 * @returns `rows` itself, changed in place, if the width does not change
 */
export function finish(rows: Float32Array, width: number, dimensions: number, p: number): Float32Array {
  const n = rows.length / width;
  const kept = Math.min(width, dimensions);
  const out = dimensions === width ? rows : new Float32Array(n * dimensions);
  for (let i = 0; i < n; i++) {
    const row = out.subarray(i * dimensions, i * dimensions + kept);
    if (out !== rows) row.set(rows.subarray(i * width, i * width + kept));
    normalize(row, p);
  }
  return out;
}

/** Most dimensions that padding may give: far above those of any model, and low enough that a request cannot ask for gigabytes. */
export const MAX_DIMENSIONS = 65536;
