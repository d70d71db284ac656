/**
 * @file Arithmetic on vectors that the parts of the audit share.
 */

/** The sum of products of two vectors of one length, in float64. */
export function dot<T extends Float32Array | Float64Array>(a: T, b: T): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
