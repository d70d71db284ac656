/**
 * @file Expands panels of Q8_0 from the file's bytes to int16, just before they are multiplied.
 *
 * A byte in the high half of an int16 lane is the byte times 256, and the instruction gives round(256 · byte · ratio / 2¹⁵): an int16 weight
 * q = round(byte · ratio / 128), where the ratio is the scale of the file's block in units of its column's scale (`packPanelQ8`).
 */
import { ZERO, constant } from './math';

/** round(a · b / 2¹⁵). Both instructions give the same, unless all factors are −2¹⁵; ratios are at least −32767. */
@inline
function multiplyQ15(a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_q15mulr_s(a, b);
  else return i16x8.q15mulr_sat_s(a, b);
}

/** Each of the first four ratios twice, and of the last ones. */
@inline
export function firstRatios(v: v128): v128 {
  return i16x8.shuffle(v, v, 0, 0, 1, 1, 2, 2, 3, 3);
}

@inline
export function lastRatios(v: v128): v128 {
  return i16x8.shuffle(v, v, 4, 4, 5, 5, 6, 6, 7, 7);
}

/** The weights of the first eight bytes of `v`, which are those of four columns, and of the last ones. */
@inline
export function firstWeights(v: v128, ratios: v128, zero: v128): v128 {
  return multiplyQ15(i8x16.shuffle(zero, v, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), ratios);
}

@inline
export function lastWeights(v: v128, ratios: v128, zero: v128): v128 {
  return multiplyQ15(i8x16.shuffle(zero, v, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), ratios);
}

/**
 * `to[k/2][16][2]` in int16 = round(w · ratio / 128).
 * @param w bytes `[k/2][16][2]`
 * @param ratios int16 `[k/32][16]`, not −2¹⁵
 * @param k a multiple of 32, not 0
 */
export function expandQ8(w: usize, ratios: usize, k: i32, to: usize): void {
  const end = w + (<usize>k << 4);
  const zero = constant(ZERO);
  do {
    const r0 = v128.load(ratios), r1 = v128.load(ratios, 16);
    const a = firstRatios(r0), b = lastRatios(r0), c = firstRatios(r1), d = lastRatios(r1);
    const stop = w + 512;
    do {
      let v = v128.load(w);
      v128.store(to, firstWeights(v, a, zero)); v128.store(to, lastWeights(v, b, zero), 16);
      v = v128.load(w, 16);
      v128.store(to, firstWeights(v, c, zero), 32); v128.store(to, lastWeights(v, d, zero), 48);
      w += 32; to += 64;
    } while (w < stop);
    ratios += 32;
  } while (w < end);
}
