/**
 * @file 8-bit activations with a scale and an offset for each row and block, x ≈ offset + scale · q, and the int8 panels that go with them.
 */
import { firstLanes, laneSum, largestOfEach } from './math';
import { TINY, largestBits, quantizeBlock, roundToI32 } from './quantize';

/** Sixteen values of a row as bytes. Bytes past the row's end have no effect: the weights are 0 there. */
@inline
function bytes16(x: usize, least: v128, inverse: v128): v128 {
  const a = roundToI32(f32x4.mul(f32x4.sub(v128.load(x), least), inverse));
  const b = roundToI32(f32x4.mul(f32x4.sub(v128.load(x, 16), least), inverse));
  const c = roundToI32(f32x4.mul(f32x4.sub(v128.load(x, 32), least), inverse));
  const d = roundToI32(f32x4.mul(f32x4.sub(v128.load(x, 48), least), inverse));
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/**
 * Rows of float32 to bytes in groups of 4 rows, `[group][k/4][row][4]`, and `scales[row][block]` = (scale, offset).
 * @param kb values in a block (a multiple of 32; the last may be shorter)
 * @param groupBytes distance of groups; at least k rounded up to 16, times 4
 * @param levels largest q + `zero`: 255, 254 or 127
 * @param zero subtracted from every q: 127 turns 254 levels into int8 A block that holds a NaN or an infinity gets the scale NaN. The last
 *   group is filled up with its last row.
 */
export function quantizeRowsU8(
  x: usize, ldx: usize, rows: i32, k: i32, q: usize, groupBytes: usize, scales: usize, kb: i32, levels: f32, zero: i32,
): void {
  const ldScale = <usize>((k + kb - 1) / kb) << 3;
  for (let r = 0; r < rows; r += 4) {
    const x1 = r + 1 < rows ? x + ldx : x, x2 = r + 2 < rows ? x1 + ldx : x1, x3 = r + 3 < rows ? x2 + ldx : x2;
    let s = scales;
    for (let b = 0; b < k; b += kb) {
      const at = <usize>b << 2;
      quantizeGroupU8(x + at, x1 + at, x2 + at, x3 + at, min(kb, k - b), q + at, s, ldScale, min(4, rows - r), levels, zero);
      s += 8;
    }
    x += ldx << 2; q += groupBytes; scales += ldScale << 2;
  }
}

/** Lane i of the result: the least lane of the i-th vector. */
@inline
function leastOfEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.pmin(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.pmin(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.pmin(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/** The same with the bits of all lanes. */
@inline
function bitsOfEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = v128.or(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = v128.or(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return v128.or(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/** One block of a group: (scale, offset) of its first `rows` rows to `s`, `lds` bytes apart, and 4 rows of bytes to `q`. */
export function quantizeGroupU8(
  x0: usize, x1: usize, x2: usize, x3: usize, n: i32, q: usize, s: usize, lds: usize, rows: i32, levels: f32, zero: i32,
): void {
  let low0 = v128.load32_splat(x0), low1 = v128.load32_splat(x1), low2 = v128.load32_splat(x2), low3 = v128.load32_splat(x3);
  let top0 = low0, top1 = low1, top2 = low2, top3 = low3;
  // x − x is 0, but NaN for NaN and infinity, which `pmin` and `pmax` would lose.
  let odd0 = i32x4.splat(0), odd1 = odd0, odd2 = odd0, odd3 = odd0;
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    let a = v128.load(x0 + at), b = v128.load(x1 + at), c = v128.load(x2 + at), d = v128.load(x3 + at);
    if (n - i < 4) {
      const mask = firstLanes(n - i);
      a = v128.bitselect(a, low0, mask); b = v128.bitselect(b, low1, mask);
      c = v128.bitselect(c, low2, mask); d = v128.bitselect(d, low3, mask);
    }
    low0 = f32x4.pmin(low0, a); top0 = f32x4.pmax(top0, a); odd0 = v128.or(odd0, f32x4.sub(a, a));
    low1 = f32x4.pmin(low1, b); top1 = f32x4.pmax(top1, b); odd1 = v128.or(odd1, f32x4.sub(b, b));
    low2 = f32x4.pmin(low2, c); top2 = f32x4.pmax(top2, c); odd2 = v128.or(odd2, f32x4.sub(c, c));
    low3 = f32x4.pmin(low3, d); top3 = f32x4.pmax(top3, d); odd3 = v128.or(odd3, f32x4.sub(d, d));
  }
  const low = leastOfEach(low0, low1, low2, low3);
  const range = f32x4.add(f32x4.sub(largestOfEach(top0, top1, top2, top3), low), bitsOfEach(odd0, odd1, odd2, odd3));
  const step = f32x4.div(range, f32x4.splat(levels));
  const inverse = v128.and(f32x4.div(f32x4.splat(1), step), f32x4.ge(step, f32x4.splat(TINY)));
  const offset = f32x4.add(low, f32x4.mul(step, f32x4.splat(<f32>zero)));
  const first = i32x4.shuffle(step, offset, 0, 4, 1, 5), second = i32x4.shuffle(step, offset, 2, 6, 3, 7);
  const z = i8x16.splat(<i8>zero);
  v128.store64_lane(s, first, 0);
  if (rows > 1) v128.store64_lane(s + lds, first, 1);
  if (rows > 2) v128.store64_lane(s + 2 * lds, second, 0);
  if (rows > 3) v128.store64_lane(s + 3 * lds, second, 1);
  const m0 = i32x4.shuffle(low, low, 0, 0, 0, 0), m1 = i32x4.shuffle(low, low, 1, 1, 1, 1);
  const m2 = i32x4.shuffle(low, low, 2, 2, 2, 2), m3 = i32x4.shuffle(low, low, 3, 3, 3, 3);
  const f0 = i32x4.shuffle(inverse, inverse, 0, 0, 0, 0), f1 = i32x4.shuffle(inverse, inverse, 1, 1, 1, 1);
  const f2 = i32x4.shuffle(inverse, inverse, 2, 2, 2, 2), f3 = i32x4.shuffle(inverse, inverse, 3, 3, 3, 3);
  for (let i: usize = 0; i < <usize>n << 2; i += 64) {
    const a = i8x16.sub(bytes16(x0 + i, m0, f0), z), b = i8x16.sub(bytes16(x1 + i, m1, f1), z);
    const c = i8x16.sub(bytes16(x2 + i, m2, f2), z), d = i8x16.sub(bytes16(x3 + i, m3, f3), z);
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const ef = i32x4.shuffle(a, b, 2, 6, 3, 7), gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(q, i64x2.shuffle(ab, cd, 0, 2)); v128.store(q, i64x2.shuffle(ab, cd, 1, 3), 16);
    v128.store(q, i64x2.shuffle(ef, gh, 0, 2), 32); v128.store(q, i64x2.shuffle(ef, gh, 1, 3), 48);
    q += 64;
  }
}

/** Sums of each 32 of the k values of rows, which `ldx` and `ldTo` bytes lie between. */
export function sumsOf32(x: usize, ldx: usize, rows: i32, k: i32, to: usize, ldTo: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < k; i += 32) {
      const p = x + (<usize>i << 2);
      const a = f32x4.add(v128.load(p), v128.load(p, 16)), b = f32x4.add(v128.load(p, 32), v128.load(p, 48));
      const c = f32x4.add(v128.load(p, 64), v128.load(p, 80)), d = f32x4.add(v128.load(p, 96), v128.load(p, 112));
      store<f32>(to + (<usize>i >> 3), laneSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d))));
    }
    x += ldx; to += ldTo;
  }
}

/**
 * One panel of int8 weights, `[kPad/4][16][4]`, and for each block 16 scales and 16 times scale · Σq, which the activations' offset
 * is multiplied with.
 * @param kPad k rounded up to 4
 * @param row scratch for kb + 16 int16
 */
export function packPanelI8(
  x: usize, ldx: usize, nValid: i32, k: i32, kb: i32, w: usize, scales: usize, row: usize,
): void {
  for (let c = 0; c < 16; c++) {
    let s = scales + (<usize>c << 2);
    for (let b = 0; b < k; b += kb) {
      const n = min(kb, k - b);
      const from = x + (<usize>b << 2);
      let scale: f32 = 0;
      if (c < nValid) {
        const bits = largestBits(from, n);
        if (bits >= 0x7f800000) scale = f32.NaN as f32;
        else if (reinterpret<f32>(bits) >= TINY) scale = reinterpret<f32>(bits) / 127;
      }
      quantizeBlock(from, n, row, scale > 0 ? 1 / scale : 0);
      const sum = scatterBytes(row, w + (<usize>c << 2) + (<usize>b << 4), n);
      store<f32>(s, scale);
      store<f32>(s, scale * <f32>sum, 64);
      s += 128;
    }
    if (c + 1 < nValid) x += ldx;
  }
}

/** `n` int16 (rounded up to 4) as bytes, four at every 64th byte. Returns their sum. */
function scatterBytes(from: usize, to: usize, n: i32): i32 {
  let sum = 0;
  for (let i = 0; i < n; i += 4) {
    const a = load<i16>(from), b = load<i16>(from, 2), c = load<i16>(from, 4), d = load<i16>(from, 6);
    sum += <i32>a + <i32>b + <i32>c + <i32>d;
    store<i8>(to, <i8>a); store<i8>(to, <i8>b, 1); store<i8>(to, <i8>c, 2); store<i8>(to, <i8>d, 3);
    from += 8; to += 64;
  }
  return sum;
}
