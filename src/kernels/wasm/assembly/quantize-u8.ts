/**
 * @file 8-bit activations with a scale and an offset for each row and block, x ≈ least + scale · q, and the int8 panels that go with them.
 */
import { firstLanes } from './math';
import { TINY, largestBits, quantizeBlock, roundToI32 } from './quantize';

/** Least of `n` values. */
function least(x: usize, n: i32): f32 {
  let m = v128.load32_splat(x);
  let i = 0;
  for (; i + 4 <= n; i += 4) { m = f32x4.pmin(m, v128.load(x)); x += 16; }
  if (i < n) m = f32x4.pmin(m, v128.bitselect(v128.load(x), m, firstLanes(n - i)));
  return min<f32>(min<f32>(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)), min<f32>(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)));
}

/** Largest of `n` values. */
function most(x: usize, n: i32): f32 {
  let m = v128.load32_splat(x);
  let i = 0;
  for (; i + 4 <= n; i += 4) { m = f32x4.pmax(m, v128.load(x)); x += 16; }
  if (i < n) m = f32x4.pmax(m, v128.bitselect(v128.load(x), m, firstLanes(n - i)));
  return max<f32>(max<f32>(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)), max<f32>(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)));
}

/** Sixteen values of a row as bytes. What lies past the row's end is not used: the weights are 0 there. */
@inline
function bytes16(x: usize, least: v128, inverse: v128): v128 {
  const a = roundToI32(f32x4.mul(f32x4.sub(v128.load(x), least), inverse));
  const b = roundToI32(f32x4.mul(f32x4.sub(v128.load(x, 16), least), inverse));
  const c = roundToI32(f32x4.mul(f32x4.sub(v128.load(x, 32), least), inverse));
  const d = roundToI32(f32x4.mul(f32x4.sub(v128.load(x, 48), least), inverse));
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/**
 * Rows of float32 to bytes in groups of 4 rows, `[group][k/4][row][4]`, and `scales[row][block]` = (scale, least).
 * @param kb values in a block (a multiple of 32; the last may be shorter)
 * @param groupBytes from group to group; k rounded up to 16, times 4, at least
 * @param levels largest q, 255 or 127
 */
export function quantizeRowsU8(
  x: usize, ldx: usize, rows: i32, k: i32, q: usize, groupBytes: usize, scales: usize, kb: i32, levels: f32,
): void {
  const blocks = (k + kb - 1) / kb;
  for (let r = 0; r < rows; r += 4) {
    for (let b = 0; b < blocks; b++) {
      const n = min(kb, k - b * kb);
      const s = scales + (<usize>((r * blocks + b) * 8));
      for (let i = 0; i < 4 && r + i < rows; i++) {
        blockScale(x + <usize>i * ldx + (<usize>(b * kb) << 2), n, levels, s + (<usize>(i * blocks) << 3));
      }
      const last = min(3, rows - 1 - r);
      quantizeGroupU8(
        x + (<usize>(b * kb) << 2), ldx, last, n, q + (<usize>(b * kb) << 2), s, <usize>blocks << 3,
      );
    }
    x += ldx << 2; q += groupBytes;
  }
}

/** Scale and least value of a block to `s`; a scale of NaN for a block with a NaN or an infinity. */
function blockScale(x: usize, n: i32, levels: f32, s: usize): void {
  if (largestBits(x, n) >= 0x7f800000) {
    store<f32>(s, f32.NaN as f32);
    store<f32>(s, 0, 4);
    return;
  }
  const low = least(x, n);
  store<f32>(s, (most(x, n) - low) / levels);
  store<f32>(s, low, 4);
}

/** One block of a group; rows past `last` repeat it (their sums are not used). */
export function quantizeGroupU8(x: usize, ldx: usize, last: i32, n: i32, q: usize, s: usize, lds: usize): void {
  const o1 = <usize>min(1, last), o2 = <usize>min(2, last), o3 = <usize>min(3, last);
  const x1 = x + o1 * ldx, x2 = x + o2 * ldx, x3 = x + o3 * ldx;
  const m0 = v128.load32_splat(s, 4), m1 = v128.load32_splat(s + o1 * lds, 4);
  const m2 = v128.load32_splat(s + o2 * lds, 4), m3 = v128.load32_splat(s + o3 * lds, 4);
  const f0 = inverseOf(s), f1 = inverseOf(s + o1 * lds), f2 = inverseOf(s + o2 * lds), f3 = inverseOf(s + o3 * lds);
  for (let i: usize = 0; i < <usize>n << 2; i += 64) {
    const a = bytes16(x + i, m0, f0), b = bytes16(x1 + i, m1, f1);
    const c = bytes16(x2 + i, m2, f2), d = bytes16(x3 + i, m3, f3);
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const ef = i32x4.shuffle(a, b, 2, 6, 3, 7), gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(q, i64x2.shuffle(ab, cd, 0, 2)); v128.store(q, i64x2.shuffle(ab, cd, 1, 3), 16);
    v128.store(q, i64x2.shuffle(ef, gh, 0, 2), 32); v128.store(q, i64x2.shuffle(ef, gh, 1, 3), 48);
    q += 64;
  }
}

@inline
function inverseOf(s: usize): v128 {
  const scale = load<f32>(s);
  return f32x4.splat(scale >= TINY ? 1 / scale : 0);
}

/**
 * One panel of int8 weights, `[kPad/4][16][4]`, and for each block 16 scales and 16 times scale · Σq, which the activations' least
 * value is multiplied with.
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
