/** @file Packs blocks of Q8_0 into panels of 16 columns that keep the file's bytes. Layout of a block: `src/tensor/codecs/q8.ts`. */
import { f16, f16x4 } from './blocks';
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
  let ratios = scales + (<usize>((k + kb - 1) / kb) << 6);
  if (nValid < 16) {
    memory.fill(w, 0, <usize>k << 4);
    memory.fill(scales, 0, ratios - scales + <usize>k);
  }
  let c = 0;
  for (; c + 8 <= nValid; c += 8) {
    scatterColumns(from, rowBytes, k, w);
    packScales(from, rowBytes, k, kb, sumLimit, scales, ratios);
    packScales(from + (rowBytes << 2), rowBytes, k, kb, sumLimit, scales + 16, ratios + 8);
    from += rowBytes << 3; w += 16; scales += 32; ratios += 16;
  }
  for (; c < nValid; c++) {
    packColumn(from, k, kb, sumLimit, w, scales, ratios);
    from += rowBytes; w += 2; scales += 4; ratios += 2;
  }
}

/** The bytes of eight columns. */
function scatterColumns(from: usize, rowBytes: usize, k: i32, to: usize): void {
  const end = from + <usize>(k >> 5) * BLOCK;
  for (; from < end; from += BLOCK) {
    transposePairs(from + 2, rowBytes, to);
    transposePairs(from + 18, rowBytes, to + 256);
    to += 512;
  }
}

/** Eight pairs of bytes of each of eight rows at `from`: the pairs of one place in all rows to every 32nd byte. */
function transposePairs(from: usize, rowBytes: usize, to: usize): void {
  const below = from + (rowBytes << 2);
  const a = v128.load(from), b = v128.load(from + rowBytes), c = v128.load(from + 2 * rowBytes), d = v128.load(from + 3 * rowBytes);
  const e = v128.load(below), f = v128.load(below + rowBytes), g = v128.load(below + 2 * rowBytes), h = v128.load(below + 3 * rowBytes);
  const ab = firstPairs(a, b), cd = firstPairs(c, d), ef = firstPairs(e, f), gh = firstPairs(g, h);
  const ab2 = lastPairs(a, b), cd2 = lastPairs(c, d), ef2 = lastPairs(e, f), gh2 = lastPairs(g, h);
  storeTwo(firstQuads(ab, cd), firstQuads(ef, gh), to);
  storeTwo(lastQuads(ab, cd), lastQuads(ef, gh), to + 64);
  storeTwo(firstQuads(ab2, cd2), firstQuads(ef2, gh2), to + 128);
  storeTwo(lastQuads(ab2, cd2), lastQuads(ef2, gh2), to + 192);
}

@inline
function firstPairs(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

@inline
function lastPairs(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

@inline
function firstQuads(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 4, 1, 5);
}

@inline
function lastQuads(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 2, 6, 3, 7);
}

@inline
function storeTwo(a: v128, b: v128, to: usize): void {
  v128.store(to, i64x2.shuffle(a, b, 0, 2));
  v128.store(to, i64x2.shuffle(a, b, 1, 3), 32);
}

/** The scales and ratios of four columns. */
function packScales(
  from: usize, rowBytes: usize, k: i32, kb: i32, sumLimit: f32, scales: usize, ratios: usize,
): void {
  const most = f32x4.splat(32767), least = f32x4.splat(-32767), unit = f32x4.splat(128);
  for (let b = 0; b < k; b += kb) {
    const n = min(kb, k - b);
    const end = from + <usize>(n >> 5) * BLOCK;
    const inverse = inverseScales(from, end, rowBytes, sumLimit - <f32>n - 1);
    const isScale = f32x4.gt(inverse, f32x4.splat(0));
    for (; from < end; from += BLOCK) {
      const ratio = f32x4.nearest(f32x4.min(f32x4.max(f32x4.mul(f32x4.mul(scalesAt(from, rowBytes), unit), inverse), least), most));
      const whole = v128.and(i32x4.trunc_sat_f32x4_s(ratio), isScale);
      v128.store64_lane(ratios, i16x8.narrow_i32x4_s(whole, whole), 0);
      ratios += 32;
    }
    const scale = f32x4.div(f32x4.splat(1), inverse);
    v128.store(scales, v128.andnot(scale, f32x4.eq(inverse, f32x4.splat(0))));
    scales += 64;
  }
}

/** As `inverseScale`, of four rows. */
function inverseScales(p: usize, end: usize, rowBytes: usize, sumLimit: f32): v128 {
  const two = rowBytes << 1;
  let largest = f32x4.splat(0), sum = f32x4.splat(0), odd = f32x4.splat(0);
  for (; p < end; p += BLOCK) {
    const d = scalesAt(p, rowBytes), magnitude = f32x4.abs(d);
    const a = magnitudes(p), b = magnitudes(p + rowBytes), c = magnitudes(p + two), e = magnitudes(p + two + rowBytes);
    const ab = i32x4.add(firstQuads(a, b), lastQuads(a, b)), ce = i32x4.add(firstQuads(c, e), lastQuads(c, e));
    const sizes = i32x4.add(i64x2.shuffle(ab, ce, 0, 2), i64x2.shuffle(ab, ce, 1, 3));
    odd = f32x4.add(odd, f32x4.sub(d, d));
    largest = f32x4.max(largest, v128.and(magnitude, i32x4.ne(sizes, i32x4.splat(0))));
    sum = f32x4.add(sum, f32x4.mul(magnitude, f32x4.convert_i32x4_s(sizes)));
  }
  const byRatio = f32x4.div(f32x4.splat(32767), f32x4.mul(f32x4.splat(128), largest));
  const inverse = f32x4.min(byRatio, f32x4.div(f32x4.splat(sumLimit * <f32>0.9999), sum));
  const none = f32x4.lt(largest, f32x4.splat(TINY));
  return v128.bitselect(f32x4.splat(f32.NaN as f32), v128.andnot(inverse, none), f32x4.ne(odd, f32x4.splat(0)));
}

/** The scales of the blocks of four rows. */
@inline
function scalesAt(p: usize, rowBytes: usize): v128 {
  const two = rowBytes << 1;
  const one = v128.load16_lane(p + rowBytes, v128.load16_lane(p, i32x4.splat(0), 0), 2);
  return f16x4(v128.load16_lane(p + two + rowBytes, v128.load16_lane(p + two, one, 4), 6));
}

/** Four sums of the magnitudes of a block. */
@inline
function magnitudes(block: usize): v128 {
  const first = i16x8.extadd_pairwise_i8x16_u(i8x16.abs(v128.load(block, 2)));
  return i32x4.extadd_pairwise_i16x8_u(i16x8.add(first, i16x8.extadd_pairwise_i8x16_u(i8x16.abs(v128.load(block, 18)))));
}

/** One column. */
function packColumn(
  block: usize, k: i32, kb: i32, sumLimit: f32, to: usize, scales: usize, ratios: usize,
): void {
  for (let b = 0; b < k; b += kb) {
    const n = min(kb, k - b);
    const end = block + <usize>(n >> 5) * BLOCK;
    const inverse = inverseScale(block, end, sumLimit - <f32>n - 1);
    for (; block < end; block += BLOCK) {
      // Only of a block of zeros can the ratio be beyond the limits.
      const ratio = nearest(min(max(f16(block) * 128 * inverse, -32767), 32767));
      store<i16>(ratios, inverse > 0 ? <i16>ratio : 0);
      scatterPairs8(v128.load(block, 2), to);
      scatterPairs8(v128.load(block, 18), to + 256);
      ratios += 32; to += 512;
    }
    store<f32>(scales, inverse == 0 ? 0 : 1 / inverse);
    scales += 64;
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
