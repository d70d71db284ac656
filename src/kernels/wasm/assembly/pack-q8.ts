/** @file Packs blocks of Q8_0 into panels of 16 columns that keep the file's bytes. Layout of a block: `src/tensor/codecs/q8.ts`. */
import { f16 } from './blocks';
import { TINY } from './quantize';

/** Bytes of a block of 32 values. */
@inline const BLOCK: usize = 34;

/**
 * One panel: the file's bytes, `[k/2][16][2]`, at `w`, and at `scales`
 *  - for each block of `kb` values 16 scales;
 *  - the ratios of the file's scales to these as int16, `[k/32][16]`.
 *
 * `expandQ8` makes int16 weights q of them, w ≈ q · scale. Each column of each block of `kb` values gets the largest scale for which no int32
 * sum can overflow: with |activation| ≤ `aLimit`, Σ|q| ≤ (2³¹ − 1) / aLimit. Rounding the ratio and rounding q add at most ½ each to a |q|.
 * Columns from `nValid` on are zero.
 * @param from `nValid` rows of blocks, `rowBytes` apart
 * @param k a multiple of 32
 * @param kb a multiple of 32
 */
export function packPanelQ8(
  from: usize, rowBytes: usize, nValid: i32, k: i32, kb: i32, aLimit: i32, w: usize, scales: usize,
): void {
  const sumLimit = <f32>2147483647 / <f32>aLimit;
  const ratios = scales + (<usize>((k + kb - 1) / kb) << 6);
  memory.fill(w, 0, <usize>k << 4);
  memory.fill(scales, 0, ratios - scales + <usize>k);
  for (let c = 0; c < nValid; c++) {
    let block = from, s = scales + (<usize>c << 2), r = ratios + (<usize>c << 1), to = w + (<usize>c << 1);
    for (let b = 0; b < k; b += kb) {
      const n = min(kb, k - b);
      const end = block + <usize>(n >> 5) * BLOCK;
      const inverse = inverseScale(block, end, sumLimit - <f32>n - 1);
      for (; block < end; block += BLOCK) {
        // Only of a block of zeros can the ratio be beyond the limits.
        const ratio = nearest(min(max(f16(block) * 128 * inverse, -32767), 32767));
        store<i16>(r, inverse > 0 ? <i16>ratio : 0);
        scatterPairs8(v128.load(block, 2), to);
        scatterPairs8(v128.load(block, 18), to + 256);
        r += 32; to += 512;
      }
      store<f32>(s, inverse == 0 ? 0 : 1 / inverse);
      s += 64;
    }
    from += rowBytes;
  }
}

/**
 * The inverse of the scale of the blocks at `p`: ratios of at most 32767, and Σ|value| · inverse ≤ `sumLimit`. 0 for blocks of zeros, NaN if
 * a block's scale is NaN or infinite.
 */
function inverseScale(p: usize, end: usize, sumLimit: f32): f32 {
  let largest: f32 = 0, sum: f32 = 0, odd: f32 = 0;
  for (; p < end; p += BLOCK) {
    const d = f16(p), size = sumOfMagnitudes(v128.load(p, 2)) + sumOfMagnitudes(v128.load(p, 18));
    odd += d - d;
    if (size > 0) largest = max(largest, abs(d));
    sum += abs(d) * <f32>size;
  }
  if (odd != 0) return f32.NaN as f32;
  return largest >= TINY ? min(<f32>32767 / (128 * largest), sumLimit * <f32>0.9999 / sum) : 0;
}

/** Σ|byte| of sixteen. */
function sumOfMagnitudes(v: v128): i32 {
  const fours = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(i8x16.abs(v)));
  return i32x4.extract_lane(fours, 0) + i32x4.extract_lane(fours, 1) + i32x4.extract_lane(fours, 2) + i32x4.extract_lane(fours, 3);
}

/** Writes eight pairs of bytes to every 32nd byte. */
function scatterPairs8(v: v128, to: usize): void {
  v128.store16_lane(to, v, 0); v128.store16_lane(to, v, 1, 32); v128.store16_lane(to, v, 2, 64); v128.store16_lane(to, v, 3, 96);
  v128.store16_lane(to, v, 4, 128); v128.store16_lane(to, v, 5, 160); v128.store16_lane(to, v, 6, 192); v128.store16_lane(to, v, 7, 224);
}
