/**
 * @file Packs blocks of weights of at most 6 bits into panels of 16 columns with the same numbers. Layouts: `src/tensor/codecs/q4-q5.ts`,
 * `k-quants.ts`, `fp4.ts`.
 */
import { f16, highNibbles, lowNibbles } from './blocks';
import { packPanelI16 } from './pack';
import { TINY } from './quantize';
import { codes6, fifth, minK4, scaleK4 } from './unpack-k';
import { fifthBits, float4, powerOfTwo } from './unpack-q4';

/** Integer scales of types whose scales are floats: 8 · 16 · 127 · 16 · 8191, four sub-blocks of the largest values, is below 2³¹. */
@inline const SCALE_LIMIT: f32 = 8191;

/**
 * One panel: q as bytes, `[kPad/4][16][4]`, at `w`, and at `scales`
 *  - for each block of `kb` values 16 times d and 16 times d · Σ scale · (q − centre), which the activations' offset is multiplied with;
 *  - the sub-blocks' integer scales as int16, `[sub-block][16][2]`, each twice;
 *  - if `kbMin` is not 0: min + d · scale · centre of each 32 values in int16, `[k/64][16][2]`, and their scales, as `packPanelI16` makes them
 *    for sums of activations in ±`aLimit`.
 * @param type 2 Q4_0, 3 Q4_1, 6 Q5_0, 7 Q5_1, 12 Q4_K, 13 Q5_K, 14 Q6_K, 39 MXFP4
 * @param from `nValid` rows of blocks, `rowBytes` apart
 * @param k a multiple of 32
 * @param kPad k rounded up to `kb`
 * @param row scratch of 256 + 2 k bytes, and that of `packPanelI16`
 */
export function packPanelLow(
  type: i32, from: usize, rowBytes: usize, nValid: i32, k: i32, kPad: i32, kb: i32, sub: i32, centre: i32, kbMin: i32, aLimit: i32,
  w: usize, scales: usize, row: usize,
): void {
  const nBlocks = <usize>(kPad / kb);
  const subScales = scales + (nBlocks << 7), subScaleBytes = <usize>(kPad / sub) << 6;
  const steps = row + 128, minima = row + 256;
  const ldMin = <usize>k >> 3;
  const exact = type >= 12 && type <= 14;
  memory.fill(w, 0, <usize>kPad << 4);
  memory.fill(scales, 0, (nBlocks << 7) + subScaleBytes);
  for (let c = 0; c < nValid; c++) {
    const column = <usize>c << 2;
    let s = scales + column, ss = subScales + column, to = w + column;
    for (let b = 0; b < k; b += kb) {
      const n = min(kb, k - b);
      v128.store(steps, i32x4.splat(0)); v128.store(steps, i32x4.splat(0), 16);
      const unit = exact ? unitOf(type, from, b) : <f32>1;
      for (let i = 0; i < n; i += 32) {
        const q = row + <usize>i, step = steps + (<usize>(i / sub) << 2);
        const least = decode32(type, from, b + i, q, step);
        if (kbMin != 0) {
          const middle = centreCodes(q, centre);
          store<f32>(minima + <usize>c * ldMin + (<usize>(b + i) >> 3), least + <f32>middle * (unit * load<f32>(step)));
        }
        if (!exact && allEqual(q, centre)) store<f32>(step, load<f32>(step) - load<f32>(step));
      }
      const d = exact ? unit : stepOf(steps);
      const inverse = exact ? <f32>1 : 1 / d;
      let total = 0;
      for (let i = 0; i < n; i += sub) {
        const scale = exact || d > 0 ? <i32>nearest(load<f32>(steps + (<usize>(i / sub) << 2)) * inverse) : 0;
        let sum = scatter16(v128.load(row + <usize>i), to + (<usize>i << 4));
        if (sub == 32) sum += scatter16(v128.load(row + <usize>i, 16), to + (<usize>i << 4) + 256);
        total += scale * (sum - sub * centre);
        store<i32>(ss + (<usize>(i / sub) << 6), (scale & 0xffff) | (scale << 16));
      }
      store<f32>(s, d);
      store<f32>(s, d * <f32>total, 64);
      s += 128; ss += <usize>(kb / sub) << 6; to += <usize>kb << 4;
    }
    from += rowBytes;
  }
  if (kbMin != 0) {
    const kMin = k >> 5, kMinPad = (kMin + 1) & ~1;
    const mins = subScales + subScaleBytes;
    packPanelI16(minima, ldMin, nValid, kMin, kMinPad, kbMin, aLimit, mins, mins + (<usize>kMinPad << 5), minima + <usize>nValid * ldMin);
  }
}

/**
 * Moves 32 q, of which the middle of the least and the largest then is `centre`, and returns where the middle was: far from it, products and
 * minimum would be large numbers with a small sum.
 */
function centreCodes(q: usize, centre: i32): i32 {
  const a = v128.load(q), b = v128.load(q, 16);
  const middle = (255 - largestByte(v128.not(i8x16.min_u(a, b))) + largestByte(i8x16.max_u(a, b)) + 1) >> 1;
  const move = i8x16.splat(<i8>(centre - middle));
  store2(q, i8x16.add(a, move), i8x16.add(b, move));
  return middle;
}

/** Largest of sixteen bytes. */
function largestByte(v: v128): i32 {
  v = i8x16.max_u(v, i64x2.shuffle(v, v, 1, 0));
  v = i8x16.max_u(v, i32x4.shuffle(v, v, 1, 0, 3, 2));
  v = i8x16.max_u(v, i16x8.shuffle(v, v, 1, 0, 3, 2, 5, 4, 7, 6));
  return max(<i32>i8x16.extract_lane_u(v, 0), <i32>i8x16.extract_lane_u(v, 1));
}

/** Whether 32 q are `centre`, so that their scale counts for nothing. */
function allEqual(q: usize, centre: i32): bool {
  const c = i8x16.splat(<i8>centre);
  return i8x16.all_true(v128.and(i8x16.eq(v128.load(q), c), i8x16.eq(v128.load(q, 16), c)));
}

/** The step of integer scales of four float32 at `p`; NaN if one is NaN or infinite, 0 if all are tiny. */
function stepOf(p: usize): f32 {
  const v = v128.load(p);
  const odd = f32x4.sub(v, v);
  const m = f32x4.pmax(f32x4.abs(v), i32x4.shuffle(f32x4.abs(v), f32x4.abs(v), 2, 3, 0, 1));
  const largest = max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1));
  const none = f32x4.extract_lane(odd, 0) + f32x4.extract_lane(odd, 1) + f32x4.extract_lane(odd, 2) + f32x4.extract_lane(odd, 3);
  return none != 0 ? none : largest >= TINY ? largest / SCALE_LIMIT : 0;
}

/** d of the block of 256 that holds value `i` of the row at `from`. */
function unitOf(type: i32, from: usize, i: i32): f32 {
  const block = <usize>(i >> 8);
  if (type == 12) return f16(from + block * 144);
  if (type == 13) return f16(from + block * 176);
  return f16(from + block * 210 + 208);
}

/**
 * Values [i, i + 32) of the row at `from`: q as bytes to `to`, their scale (of Q6_K both) to `step`, in units of d where there is one. Returns
 * their minimum.
 */
function decode32(type: i32, from: usize, i: i32, to: usize, step: usize): f32 {
  const block = <usize>(i >> 5);
  if (type == 2) {
    from += block * 18;
    store2(to, lowNibbles(v128.load(from, 2)), highNibbles(v128.load(from, 2)));
    store<f32>(step, f16(from));
    return 0;
  }
  if (type == 3) {
    from += block * 20;
    store2(to, lowNibbles(v128.load(from, 4)), highNibbles(v128.load(from, 4)));
    store<f32>(step, f16(from));
    return f16(from + 2);
  }
  if (type == 6 || type == 7) {
    const head: usize = type == 6 ? 2 : 4;
    from += block * (head + 20);
    const high = load<i32>(from + head), q = v128.load(from + head, 4);
    store2(to, v128.or(lowNibbles(q), fifthBits(high, false)), v128.or(highNibbles(q), fifthBits(high, true)));
    store<f32>(step, f16(from));
    return type == 6 ? 0 : f16(from + 2);
  }
  if (type == 39) {
    from += block * 17;
    const q = v128.load(from, 1), twelve = i8x16.splat(12);
    store2(to, i8x16.add(float4(lowNibbles(q)), twelve), i8x16.add(float4(highNibbles(q)), twelve));
    store<f32>(step, powerOfTwo(<i32>load<u8>(from)));
    return 0;
  }
  const group = block & 7;
  if (type == 14) {
    from += (block >> 3) * 210;
    store2(to, codes6(from, 2 * <i32>group), codes6(from, 2 * <i32>group + 1));
    store<f32>(step, <f32>load<i8>(from + 2 * group, 192));
    store<f32>(step, <f32>load<i8>(from + 2 * group, 193), 4);
    return 0;
  }
  const five = type == 13;
  from += (block >> 3) * (five ? 176 : 144);
  const p = from + (five ? 48 : 16) + ((group & 6) << 4);
  const q0 = v128.load(p), q1 = v128.load(p, 16);
  let a = group & 1 ? highNibbles(q0) : lowNibbles(q0), b = group & 1 ? highNibbles(q1) : lowNibbles(q1);
  if (five) {
    a = v128.or(a, fifth(v128.load(from, 16), <i32>group));
    b = v128.or(b, fifth(v128.load(from, 32), <i32>group));
  }
  store2(to, a, b);
  store<f32>(step, scaleK4(from + 4, group));
  return -f16(from + 2) * minK4(from + 4, group);
}

@inline
function store2(to: usize, a: v128, b: v128): void {
  v128.store(to, a);
  v128.store(to, b, 16);
}

/** Sixteen bytes, four at every 64th byte. Returns their sum. */
function scatter16(q: v128, to: usize): i32 {
  v128.store32_lane(to, q, 0); v128.store32_lane(to, q, 1, 64); v128.store32_lane(to, q, 2, 128); v128.store32_lane(to, q, 3, 192);
  const fours = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(q));
  return i32x4.extract_lane(fours, 0) + i32x4.extract_lane(fours, 1) + i32x4.extract_lane(fours, 2) + i32x4.extract_lane(fours, 3);
}
