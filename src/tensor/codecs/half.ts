/**
 * @file The two 16-bit floats, one value at a time: IEEE binary16 (`f16`) and bfloat16 (`bf16`), to and from float32.
 *
 * ```
 *        15 14      10 9                 0           15 14          7 6           0
 *  f16  | s | e (5)   | m (10)            |    bf16  | s | e (8)     | m (7)       |   = upper half of a float32
 * ```
 * Widening is exact. Narrowing rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Weight of the lowest mantissa bit, signed, by the upper six bits of an f16 (sign and exponent). */
const ulp = Float64Array.from({ length: 64 }, (_, i) => (i < 32 ? 1 : -1) * 2 ** (Math.max(i & 31, 1) - 25));

/** The value of the f16 with bits `h` (0…0xffff). */
export function f16ToF32(h: number): number {
  const e = h & 0x7c00;
  const m = h & 0x3ff;
  if (e === 0x7c00) return m !== 0 ? NaN : h < 0x8000 ? Infinity : -Infinity;
  return (e === 0 ? m : m + 1024) * ulp[h >> 10];
}

/** The bits of the f16 nearest to the float32 `x`. Values from ±65520 on become infinite; the largest finite f16 is 65504. */
export function f32ToF16(x: number): number {
  float[0] = x;
  const b = bits[0];
  const sign = (b >>> 16) & 0x8000;
  const a = b & 0x7fffffff;
  if (a > 0x7f800000) return sign | 0x7e00 | ((a >>> 13) & 0x3ff);
  if (a >= 0x477ff000) return sign | 0x7c00;
  // Below the normal range: a multiple of 2⁻²⁴. Adding and subtracting 2⁵² rounds a double to an integer, ties to even.
  if (a < 0x38800000) return sign | (Math.abs(x) * 2 ** 24 + 2 ** 52 - 2 ** 52);
  return sign | ((a + 0xfff + ((a >>> 13) & 1) - (112 << 23)) >>> 13);
}

/** The value of the bf16 with bits `h` (0…0xffff). */
export function bf16ToF32(h: number): number {
  bits[0] = h << 16;
  return float[0];
}

/** The bits of the bf16 nearest to the float32 `x`. */
export function f32ToBf16(x: number): number {
  float[0] = x;
  const b = bits[0];
  if ((b & 0x7fffffff) > 0x7f800000) return (b >>> 16) | 0x40;
  return (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
}
