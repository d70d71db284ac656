/**
 * @file Activations in int16: one scale for each row and block of k.
 */
import { MAGNITUDE, ROUND, constant, firstLanes, laneMaxI32 } from './math';

/** The nearest integers (half to even) of |x| < 2²². */
// @ts-ignore: decorator
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

/** Below this a block counts as zero: 1/x would overflow. */
// @ts-ignore: decorator
@inline export const TINY: f32 = 1e-30;

/**
 * Rows of float32 to int16 `[row][kPad]`, and `scales[row][block]`, x ≈ q · scale.
 * @param kb values in a block (a multiple of 32; the last may be shorter), `ldq` bytes of a row of q, k rounded up to 8 at least
 * @param limit largest |q|
 * A block that holds a NaN or an infinity gets the scale NaN: the whole row of the product becomes NaN.
 */
export function quantizeRows(x: usize, ldx: usize, rows: i32, k: i32, q: usize, ldq: usize, scales: usize, kb: i32, limit: f32): void {
  for (let r = 0; r < rows; r++) {
    for (let b = 0; b < k; b += kb) {
      const n = min(kb, k - b);
      const from = x + (<usize>b << 2);
      const bits = largestBits(from, n);
      const largest = reinterpret<f32>(bits);
      let inverse: f32 = 0, scale: f32 = 0;
      if (bits >= 0x7f800000) scale = f32.NaN as f32;
      else if (largest >= TINY) {
        inverse = limit / largest;
        scale = largest / limit;
      }
      quantizeBlock(from, n, q + (<usize>b << 1), inverse);
      store<f32>(scales, scale);
      scales += 4;
    }
    x += ldx; q += ldq;
  }
}
