/**
 * @file Activations in int16: one scale for each row and block of k.
 */
import { MAGNITUDE, ROUND, constant, firstLanes, laneMaxI32 } from './math';

/** The nearest integers (half to even) of |x| < 2²². */
@inline
export function roundToI32(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, constant(ROUND)), constant(ROUND));
}

/**
 * Largest |x| of `n` values as float bits. Bits of non-negative floats order as integers, NaN above infinity, so that
 * a NaN is never lost.
 */
export function largestBits(x: usize, n: i32): i32 {
  let m0 = i32x4.splat(0), m1 = i32x4.splat(0);
  const full = x + (<usize>(n >> 3) << 5);
  for (; x < full; x += 32) {
    m0 = i32x4.max_s(m0, v128.and(v128.load(x), constant(MAGNITUDE)));
    m1 = i32x4.max_s(m1, v128.and(v128.load(x, 16), constant(MAGNITUDE)));
  }
  if (n & 4) {
    m0 = i32x4.max_s(m0, v128.and(v128.load(x), constant(MAGNITUDE)));
    x += 16;
  }
  if (n & 3) m1 = i32x4.max_s(m1, v128.and(v128.and(v128.load(x), constant(MAGNITUDE)), firstLanes(n & 3)));
  return laneMaxI32(i32x4.max_s(m0, m1));
}

/** `q = round(x · inverse)` for `n` values rounded up to 8; lanes from `n` on become 0. */
export function quantizeBlock(x: usize, n: i32, q: usize, inverse: f32): void {
  const f = f32x4.splat(inverse);
  const end = x + (<usize>(n >> 3) << 5);
  for (; x < end; x += 32) {
    v128.store(q, i16x8.narrow_i32x4_s(roundToI32(f32x4.mul(v128.load(x), f)), roundToI32(f32x4.mul(v128.load(x, 16), f))));
    q += 16;
  }
  const rest = n & 7;
  if (rest != 0) {
    const lo = v128.and(roundToI32(f32x4.mul(v128.load(x), f)), firstLanes(rest));
    const hi = v128.and(roundToI32(f32x4.mul(v128.load(x, 16), f)), firstLanes(rest - 4));
    v128.store(q, i16x8.narrow_i32x4_s(lo, hi));
  }
}

/** Eight values as int16. */
@inline
function quantize8(x: usize, f: v128): v128 {
  return i16x8.narrow_i32x4_s(roundToI32(f32x4.mul(v128.load(x), f)), roundToI32(f32x4.mul(v128.load(x, 16), f)));
}

/** Converts four rows of `n` values (rounded up to 8) to `[n/2][row][2]`; values past `n` become 0. */
export function quantizeGroup(
  x0: usize, x1: usize, x2: usize, x3: usize, n: i32, q: usize, inverse0: f32, inverse1: f32, inverse2: f32, inverse3: f32,
): void {
  const f0 = f32x4.splat(inverse0), f1 = f32x4.splat(inverse1), f2 = f32x4.splat(inverse2), f3 = f32x4.splat(inverse3);
  for (let i = 0; i < n; i += 8) {
    let a = quantize8(x0, f0), b = quantize8(x1, f1), c = quantize8(x2, f2), d = quantize8(x3, f3);
    if (n - i < 8) {
      const mask = i16x8.lt_s(i16x8(0, 1, 2, 3, 4, 5, 6, 7), i16x8.splat(<i16>(n - i)));
      a = v128.and(a, mask); b = v128.and(b, mask); c = v128.and(c, mask); d = v128.and(d, mask);
    }
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const ef = i32x4.shuffle(a, b, 2, 6, 3, 7), gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(q, i64x2.shuffle(ab, cd, 0, 2)); v128.store(q, i64x2.shuffle(ab, cd, 1, 3), 16);
    v128.store(q, i64x2.shuffle(ef, gh, 0, 2), 32); v128.store(q, i64x2.shuffle(ef, gh, 1, 3), 48);
    x0 += 32; x1 += 32; x2 += 32; x3 += 32; q += 64;
  }
}

/** Below this a block is treated as zero: 1/x would overflow. */
@inline export const TINY: f32 = 1e-30;

/** The scale of a block whose largest value has these bits, NaN for a block with a NaN or an infinity. */
@inline
function scaleOf(bits: i32, limit: f32): f32 {
  if (bits >= 0x7f800000) return f32.NaN as f32;
  const largest = reinterpret<f32>(bits);
  return largest >= TINY ? largest / limit : 0;
}

@inline
export function inverseOf(scale: f32): f32 {
  return scale > 0 ? 1 / scale : 0;
}

/**
 * Rows of float32 to int16 in groups of 4 rows, `[group][k/2][row][2]`, and `scales[row][block]`, x ≈ q · scale.
 * @param kb values in a block (a multiple of 32; the last may be shorter)
 * @param groupBytes distance of groups; at least k rounded up to 8, times 8. The last group is padded with zeros
 * @param limit largest |q| A block that holds a NaN or an infinity gets the scale NaN: the whole row of the product becomes NaN.
 */
export function quantizeRows(
  x: usize, ldx: usize, rows: i32, k: i32, q: usize, groupBytes: usize, scales: usize, kb: i32, limit: f32,
): void {
  const ldScale = <usize>((k + kb - 1) / kb) << 2;
  for (let r = 0; r < rows; r += 4) {
    const x1 = r + 1 < rows ? x + ldx : x, x2 = r + 2 < rows ? x1 + ldx : x, x3 = r + 3 < rows ? x2 + ldx : x;
    let s = scales;
    for (let b = 0; b < k; b += kb) {
      const n = min(kb, k - b);
      const at = <usize>b << 2;
      const s0 = scaleOf(largestBits(x + at, n), limit);
      const s1 = x1 != x ? scaleOf(largestBits(x1 + at, n), limit) : 0;
      const s2 = x2 != x ? scaleOf(largestBits(x2 + at, n), limit) : 0;
      const s3 = x3 != x ? scaleOf(largestBits(x3 + at, n), limit) : 0;
      quantizeGroup(
        x + at, x1 + at, x2 + at, x3 + at, n, q + (<usize>b << 3), inverseOf(s0), inverseOf(s1), inverseOf(s2), inverseOf(s3),
      );
      store<f32>(s, s0);
      if (x1 != x) store<f32>(s + ldScale, s1);
      if (x2 != x) store<f32>(s + 2 * ldScale, s2);
      if (x3 != x) store<f32>(s + 3 * ldScale, s3);
      s += 4;
    }
    x += ldx << 2; q += groupBytes; scales += ldScale << 2;
  }
}
