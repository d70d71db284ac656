/**
 * @file Vectors of the fixtures, and how near two are.
 */

/** The values of a base64 string of little-endian float32. */
export function floats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

/** Cosine of the angle between two vectors, in double. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`vectors of ${a.length} and ${b.length} values`);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** Length of the first over that of the second. */
export function lengthRatio(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.sqrt(dot(a, a) / dot(b, b));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
