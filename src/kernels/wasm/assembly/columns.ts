/**
 * @file Softmax over the columns of a strip `[key][16]`: one column for each query, so that nothing is summed across lanes. Ranges are byte
 * addresses. Some functions process 8 of the 16 columns, because V8 packs longer bodies less well.
 */
import {
  LEAST, LEAST_LOG2, LN2_HIGH, LN2_LOW, LOG2E, ONE, P0, P1, P2, P3, P4, P5, Q0, Q1, Q2, Q3, Q4, ROUND, constant, madd, tanh4,
} from './math';

/** `s[key]` = factor · keyScales[key] · queryScales · t[key] for int32 sums `t`, and `largest[c]` = the larger of itself and these. */
export function scaleScores(t: usize, keyScales: usize, queryScales: usize, factor: f32, keys: i32, s: usize, largest: usize): void {
  const f = f32x4.splat(factor);
  const s0 = f32x4.mul(f, v128.load(queryScales)), s1 = f32x4.mul(f, v128.load(queryScales, 16));
  const s2 = f32x4.mul(f, v128.load(queryScales, 32)), s3 = f32x4.mul(f, v128.load(queryScales, 48));
  let m0 = v128.load(largest), m1 = v128.load(largest, 16), m2 = v128.load(largest, 32), m3 = v128.load(largest, 48);
  const end = t + (<usize>keys << 6);
  for (; t < end; t += 64) {
    const scale = v128.load32_splat(keyScales);
    const y0 = f32x4.mul(f32x4.convert_i32x4_s(v128.load(t)), f32x4.mul(scale, s0));
    const y1 = f32x4.mul(f32x4.convert_i32x4_s(v128.load(t, 16)), f32x4.mul(scale, s1));
    const y2 = f32x4.mul(f32x4.convert_i32x4_s(v128.load(t, 32)), f32x4.mul(scale, s2));
    const y3 = f32x4.mul(f32x4.convert_i32x4_s(v128.load(t, 48)), f32x4.mul(scale, s3));
    v128.store(s, y0); v128.store(s, y1, 16); v128.store(s, y2, 32); v128.store(s, y3, 48);
    m0 = f32x4.pmax(m0, y0); m1 = f32x4.pmax(m1, y1); m2 = f32x4.pmax(m2, y2); m3 = f32x4.pmax(m3, y3);
    s += 64; keyScales += 4;
  }
  v128.store(largest, m0); v128.store(largest, m1, 16); v128.store(largest, m2, 32); v128.store(largest, m3, 48);
}

/** `largest[16]` = the largest of each column; `s` … `end` are a multiple of 4 keys. */
export function largestColumns(s: usize, end: usize, largest: usize): void {
  let a0 = v128.load(s), a1 = v128.load(s, 16), a2 = v128.load(s, 32), a3 = v128.load(s, 48);
  let b0 = v128.load(s, 64), b1 = v128.load(s, 80), b2 = v128.load(s, 96), b3 = v128.load(s, 112);
  for (; s < end; s += 256) {
    a0 = f32x4.pmax(a0, f32x4.pmax(v128.load(s), v128.load(s, 128))); a1 = f32x4.pmax(a1, f32x4.pmax(v128.load(s, 16), v128.load(s, 144)));
    a2 = f32x4.pmax(a2, f32x4.pmax(v128.load(s, 32), v128.load(s, 160))); a3 = f32x4.pmax(a3, f32x4.pmax(v128.load(s, 48), v128.load(s, 176)));
    b0 = f32x4.pmax(b0, f32x4.pmax(v128.load(s, 64), v128.load(s, 192))); b1 = f32x4.pmax(b1, f32x4.pmax(v128.load(s, 80), v128.load(s, 208)));
    b2 = f32x4.pmax(b2, f32x4.pmax(v128.load(s, 96), v128.load(s, 224))); b3 = f32x4.pmax(b3, f32x4.pmax(v128.load(s, 112), v128.load(s, 240)));
  }
  v128.store(largest, f32x4.pmax(a0, b0)); v128.store(largest, f32x4.pmax(a1, b1), 16);
  v128.store(largest, f32x4.pmax(a2, b2), 32); v128.store(largest, f32x4.pmax(a3, b3), 48);
}

/** −largest as an exponent of 2. */
@inline
function offset4(largest: v128): v128 {
  return f32x4.neg(f32x4.mul(largest, constant(LOG2E)));
}

/**
 * 2ˣ for x ≤ 127, relative error 3e-6, NaN for NaN, at least 2⁻¹²⁵: in a block that is not treated as zero (`shareScales`), this rounds to 0 as
 * int16 and adds nothing to the sum. x = n + f; adding n to the exponent's bits multiplies.
 */
@inline
function power4(x: v128): v128 {
  const exponent = f32x4.pmax(x, constant(LEAST_LOG2));
  const t = f32x4.add(exponent, constant(ROUND));
  const f = f32x4.sub(exponent, f32x4.sub(t, constant(ROUND)));
  let e = madd(constant(Q4), f, constant(Q3));
  e = madd(e, f, constant(Q2));
  e = madd(e, f, constant(Q1));
  e = madd(e, f, constant(Q0));
  return i32x4.add(e, i32x4.shl(t, 23));
}

/** e^(s − largest); `offset` is `offset4` of the largest. */
@inline
function share4(s: v128, offset: v128): v128 {
  return power4(madd(s, constant(LOG2E), offset));
}

/** A block raises the score that a query's exponentials are relative to if it has a larger one by more than this: e¹⁰ is far from overflow. */
@inline const RAISE: f32 = 10;

/** Sums that a larger score would multiply with less than 2 to this become 0: subnormal numbers would take ten times as long. */
@inline const LEAST_RAISE: f32 = -100;

/**
 * `largest[c]` = `blockLargest[c]` where that is larger by more than `RAISE`, and `factors[c]` = e^(old − new), 0 below 2^`LEAST_RAISE`, 1 in the other columns.
 * Returns whether there is such a column.
 */
export function raiseLargest(blockLargest: usize, largest: usize, factors: usize): bool {
  let any = i32x4.splat(0);
  for (let j: usize = 0; j < 64; j += 16) {
    const before = v128.load(largest + j), top = v128.load(blockLargest + j);
    const raised = f32x4.gt(top, f32x4.add(before, f32x4.splat(RAISE)));
    const now = v128.bitselect(top, before, raised);
    v128.store(largest + j, now);
    const by = f32x4.sub(offset4(now), offset4(before));
    const factor = v128.andnot(power4(by), f32x4.lt(by, f32x4.splat(LEAST_RAISE)));
    v128.store(factors + j, v128.bitselect(factor, constant(ONE), raised));
    any = v128.or(any, raised);
  }
  return v128.any_true(any);
}

/**
 * In place, in 8 of the 16 columns: `s[key][c] = exp(s[key][c] − largest[c])`, exactly 0 below e⁻⁸⁷, and `sums[key mod 8][c]` plus that; an
 * even number of keys, counted from `s`. This interleaves `expOrZero` of `math.ts` for two keys. One after the other, the processor would
 * wait for each step (measured: 7 cycles instead of 9 for 8 values).
 */
export function expColumns(s: usize, end: usize, largest: usize, sums: usize): void {
  const m0 = v128.load(largest), m1 = v128.load(largest, 16);
  const start = s;
  for (; s < end; s += 128) {
    const a0 = f32x4.sub(v128.load(s), m0), a1 = f32x4.sub(v128.load(s, 16), m1);
    const b0 = f32x4.sub(v128.load(s, 64), m0), b1 = f32x4.sub(v128.load(s, 80), m1);
    const t0 = madd(a0, constant(LOG2E), constant(ROUND)), t1 = madd(a1, constant(LOG2E), constant(ROUND));
    const u0 = madd(b0, constant(LOG2E), constant(ROUND)), u1 = madd(b1, constant(LOG2E), constant(ROUND));
    const n0 = f32x4.sub(t0, constant(ROUND)), n1 = f32x4.sub(t1, constant(ROUND));
    const k0 = f32x4.sub(u0, constant(ROUND)), k1 = f32x4.sub(u1, constant(ROUND));
    let r0 = madd(n0, constant(LN2_HIGH), a0), r1 = madd(n1, constant(LN2_HIGH), a1);
    let q0 = madd(k0, constant(LN2_HIGH), b0), q1 = madd(k1, constant(LN2_HIGH), b1);
    r0 = madd(n0, constant(LN2_LOW), r0); r1 = madd(n1, constant(LN2_LOW), r1);
    q0 = madd(k0, constant(LN2_LOW), q0); q1 = madd(k1, constant(LN2_LOW), q1);
    let e0 = madd(constant(P5), r0, constant(P4)), e1 = madd(constant(P5), r1, constant(P4));
    let f0 = madd(constant(P5), q0, constant(P4)), f1 = madd(constant(P5), q1, constant(P4));
    e0 = madd(e0, r0, constant(P3)); e1 = madd(e1, r1, constant(P3)); f0 = madd(f0, q0, constant(P3)); f1 = madd(f1, q1, constant(P3));
    e0 = madd(e0, r0, constant(P2)); e1 = madd(e1, r1, constant(P2)); f0 = madd(f0, q0, constant(P2)); f1 = madd(f1, q1, constant(P2));
    e0 = madd(e0, r0, constant(P1)); e1 = madd(e1, r1, constant(P1)); f0 = madd(f0, q0, constant(P1)); f1 = madd(f1, q1, constant(P1));
    e0 = madd(e0, r0, constant(P0)); e1 = madd(e1, r1, constant(P0)); f0 = madd(f0, q0, constant(P0)); f1 = madd(f1, q1, constant(P0));
    e0 = f32x4.mul(e0, i32x4.add(i32x4.shl(t0, 23), constant(ONE))); e1 = f32x4.mul(e1, i32x4.add(i32x4.shl(t1, 23), constant(ONE)));
    f0 = f32x4.mul(f0, i32x4.add(i32x4.shl(u0, 23), constant(ONE))); f1 = f32x4.mul(f1, i32x4.add(i32x4.shl(u1, 23), constant(ONE)));
    e0 = v128.andnot(e0, f32x4.lt(a0, constant(LEAST))); e1 = v128.andnot(e1, f32x4.lt(a1, constant(LEAST)));
    f0 = v128.andnot(f0, f32x4.lt(b0, constant(LEAST))); f1 = v128.andnot(f1, f32x4.lt(b1, constant(LEAST)));
    v128.store(s, e0); v128.store(s, e1, 16); v128.store(s, f0, 64); v128.store(s, f1, 80);
    const sum = sums + ((s - start) & 448);
    v128.store(sum, f32x4.add(v128.load(sum), e0)); v128.store(sum, f32x4.add(v128.load(sum, 16), e1), 16);
    v128.store(sum, f32x4.add(v128.load(sum, 64), f0), 64); v128.store(sum, f32x4.add(v128.load(sum, 80), f1), 80);
  }
}

/**
 * In place, in 8 of the 16 columns: `s[key][c] = e^(s[key][c] − largest[c])` as `share4` computes it, and `sums[key mod 2][c]` = their sum; an
 * even number of keys.
 */
export function shareColumns(s: usize, end: usize, largest: usize, sums: usize): void {
  const m0 = offset4(v128.load(largest)), m1 = offset4(v128.load(largest, 16));
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), b0 = f32x4.splat(0), b1 = f32x4.splat(0);
  for (; s < end; s += 128) {
    const e0 = share4(v128.load(s), m0), e1 = share4(v128.load(s, 16), m1);
    const f0 = share4(v128.load(s, 64), m0), f1 = share4(v128.load(s, 80), m1);
    v128.store(s, e0); v128.store(s, e1, 16); v128.store(s, f0, 64); v128.store(s, f1, 80);
    a0 = f32x4.add(a0, e0); a1 = f32x4.add(a1, e1); b0 = f32x4.add(b0, f0); b1 = f32x4.add(b1, f1);
  }
  v128.store(sums, a0); v128.store(sums, a1, 16); v128.store(sums, b0, 64); v128.store(sums, b1, 80);
}

/** The sum of the eight `sums[i][c]` of four columns. */
@inline
function sumOf(p: usize): v128 {
  const even = f32x4.add(f32x4.add(v128.load(p), v128.load(p, 256)), f32x4.add(v128.load(p, 128), v128.load(p, 384)));
  const odd = f32x4.add(f32x4.add(v128.load(p, 64), v128.load(p, 320)), f32x4.add(v128.load(p, 192), v128.load(p, 448)));
  return f32x4.add(even, odd);
}

/** `total[c]` += the sum of the eight `sums[i][c]`. */
export function addSums(sums: usize, total: usize): void {
  for (let j: usize = 0; j < 64; j += 16) v128.store(total + j, f32x4.add(v128.load(total + j), sumOf(sums + j)));
}

/**
 * Largest |v| of V in int16, and the limit on the sum of a block's exponentials: their products stay below 2³¹, with half a unit
 * of rounding for each of 128 exponentials.
 */
@inline export const VALUE_LIMIT: f32 = 8190;
@inline const SHARE_SUM: f32 = 262000;
/** A block is treated as zero if its exponentials add up to less and none is an eighth of this. */
@inline const LEAST_SUM: f32 = 2.62e-25;

/**
 * The factor by which a block's exponentials e become int16, round(e · factor): the largest factor that keeps each within 32767 and the sum
 * within `SHARE_SUM`, 0 for a block that is treated as zero. `scale` is 1 / factor, or 0. `total[c]` += the sum of the block.
 * @param sums of even and odd keys
 */
export function shareScales(sums: usize, blockLargest: usize, largest: usize, total: usize, scales: usize, factors: usize): void {
  for (let j: usize = 0; j < 64; j += 16) {
    const sum = f32x4.add(v128.load(sums + j), v128.load(sums + j, 64));
    v128.store(total + j, f32x4.add(v128.load(total + j), sum));
    const top = share4(v128.load(blockLargest + j), offset4(v128.load(largest + j)));
    // Before the products: with subnormal numbers they would take ten times as long.
    const isZero = f32x4.lt(f32x4.pmax(sum, f32x4.mul(top, f32x4.splat(8))), f32x4.splat(LEAST_SUM));
    const bySum = f32x4.mul(v128.andnot(sum, isZero), f32x4.splat(1 / SHARE_SUM));
    const scale = f32x4.pmax(bySum, f32x4.mul(v128.andnot(top, isZero), f32x4.splat(1 / <f32>32767)));
    v128.store(scales + j, scale);
    v128.store(factors + j, v128.andnot(f32x4.div(f32x4.splat(1), scale), isZero));
  }
}

/** `to[key / 2][c][2]` = round(s[key][c] · factor[c]) as int16, at least 0; an even number of keys. */
export function pairColumns(s: usize, end: usize, factors: usize, to: usize): void {
  const f0 = v128.load(factors), f1 = v128.load(factors, 16), f2 = v128.load(factors, 32), f3 = v128.load(factors, 48);
  for (; s < end; s += 128) {
    // The integer is in the low bits of the sum with ROUND.
    const a0 = i32x4.sub(madd(v128.load(s), f0, constant(ROUND)), constant(ROUND));
    const a1 = i32x4.sub(madd(v128.load(s, 16), f1, constant(ROUND)), constant(ROUND));
    const a2 = i32x4.sub(madd(v128.load(s, 32), f2, constant(ROUND)), constant(ROUND));
    const a3 = i32x4.sub(madd(v128.load(s, 48), f3, constant(ROUND)), constant(ROUND));
    const b0 = i32x4.shl(madd(v128.load(s, 64), f0, constant(ROUND)), 16), b1 = i32x4.shl(madd(v128.load(s, 80), f1, constant(ROUND)), 16);
    const b2 = i32x4.shl(madd(v128.load(s, 96), f2, constant(ROUND)), 16), b3 = i32x4.shl(madd(v128.load(s, 112), f3, constant(ROUND)), 16);
    v128.store(to, v128.or(a0, b0)); v128.store(to, v128.or(a1, b1), 16);
    v128.store(to, v128.or(a2, b2), 32); v128.store(to, v128.or(a3, b3), 48);
    to += 64;
  }
}

/** In place: `s = softcap · tanh(s / softcap)`. */
export function capColumns(s: usize, end: usize, softcap: f32): void {
  const c = f32x4.splat(softcap), inverse = f32x4.splat(1 / softcap);
  for (; s < end; s += 16) v128.store(s, f32x4.mul(c, tanh4(f32x4.mul(v128.load(s), inverse))));
}

/** In place: `s[key][c] += bias[c − key]`, the keys counted from `s`. */
export function biasColumns(s: usize, end: usize, bias: usize): void {
  for (; s < end; s += 64) {
    v128.store(s, f32x4.add(v128.load(s), v128.load(bias))); v128.store(s, f32x4.add(v128.load(s, 16), v128.load(bias, 16)), 16);
    v128.store(s, f32x4.add(v128.load(s, 32), v128.load(bias, 32)), 32); v128.store(s, f32x4.add(v128.load(s, 48), v128.load(bias, 48)), 48);
    bias -= 4;
  }
}

/** In place: `x[c]` = 1 / x[c] of 16 columns. */
export function invertColumns(x: usize): void {
  for (let j: usize = 0; j < 64; j += 16) v128.store(x + j, f32x4.div(f32x4.splat(1), v128.load(x + j)));
}

/** In place: `x[i][c] *= factors[c]`. */
export function multiplyColumns(x: usize, end: usize, factors: usize): void {
  const f0 = v128.load(factors), f1 = v128.load(factors, 16), f2 = v128.load(factors, 32), f3 = v128.load(factors, 48);
  for (; x < end; x += 64) {
    v128.store(x, f32x4.mul(v128.load(x), f0)); v128.store(x, f32x4.mul(v128.load(x, 16), f1), 16);
    v128.store(x, f32x4.mul(v128.load(x, 32), f2), 32); v128.store(x, f32x4.mul(v128.load(x, 48), f3), 48);
  }
}
