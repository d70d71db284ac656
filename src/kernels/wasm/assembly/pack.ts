/**
 * @file Packs weights from float32 rows into panels of 16 output columns.
 */
import { TINY, largestBits, quantizeBlock } from './quantize';

/** An upper bound of Σ|x| of `n` values, tight enough for a limit. */
export function absoluteSum(x: usize, n: i32): f32 {
  let s = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= n; i += 4) { s = f32x4.add(s, f32x4.abs(v128.load(x))); x += 16; }
  let sum = f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3);
  for (; i < n; i++) { sum += abs(load<f32>(x)); x += 4; }
  return sum;
}

/**
 * One panel of int16 weights, `[kPad/2][16][2]`, and its scales `[block][16]`, w ≈ q · scale.
 *
 * Each column of each block gets the largest scale for which no int32 sum can overflow: with |activation| ≤ `aLimit`,
 * Σ|q| ≤ (2³¹ − 1) / aLimit. Columns from `nValid` on are zero.
 * @param x `nValid` rows of float32, `ldx` bytes apart
 * @param kPad k rounded up to 2
 * @param row scratch for kPad + 16 int16
 */
export function packPanelI16(
  x: usize, ldx: usize, nValid: i32, k: i32, kPad: i32, kb: i32, aLimit: i32, w: usize, scales: usize, row: usize,
): void {
  const sumLimit = <f32>2147483647 / <f32>aLimit;
  for (let c = 0; c < 16; c++) {
    const to = w + (<usize>c << 2);
    let s = scales + (<usize>c << 2);
    for (let b = 0; b < k; b += kb) {
      const n = min(kb, k - b);
      const from = x + (<usize>b << 2);
      let inverse: f32 = 0, scale: f32 = 0;
      if (c < nValid) {
        const bits = largestBits(from, n);
        const largest = reinterpret<f32>(bits);
        if (bits >= 0x7f800000) scale = f32.NaN as f32;
        else if (largest >= TINY) {
          inverse = min(<f32>32767 / largest, (sumLimit - <f32>(n >> 1) - 1) * <f32>0.9999 / absoluteSum(from, n));
          scale = 1 / inverse;
        }
      }
      quantizeBlock(from, n, row, inverse);
      scatterPairs(row, to + (<usize>b << 5), (n + 1) >> 1);
      store<f32>(s, scale);
      s += 64;
    }
    if (c + 1 < nValid) x += ldx;
  }
}

/** Writes `n` int32 (pairs of int16) to every 64th byte. */
function scatterPairs(from: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const v = v128.load(from);
    v128.store32_lane(to, v, 0); v128.store32_lane(to, v, 1, 64);
    v128.store32_lane(to, v, 2, 128); v128.store32_lane(to, v, 3, 192);
    from += 16; to += 256;
  }
  for (; i < n; i++) { store<i32>(to, load<i32>(from)); from += 4; to += 64; }
}

/** One panel of float32 weights, `[k][16]`; columns from `nValid` on are zero. */
export function packPanelF32(x: usize, ldx: usize, nValid: i32, k: i32, w: usize): void {
  for (let c = 0; c < 16; c++) {
    const to = w + (<usize>c << 2);
    if (c < nValid) { scatterPairs(x, to, k); x += ldx; }
    else for (let i = 0; i < k; i++) store<f32>(to + (<usize>i << 6), 0);
  }
}
