/**
 * @file Vector building blocks: multiply-add, exp, the activation functions, lane masks and lane sums.
 * NaN goes in and comes out everywhere: limits are applied with `pmin(x, hi)` / `pmax(x, lo)`, which keep a NaN `x`.
 */

/** `a · b + c`; one rounding where the module may use relaxed SIMD, two where not. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  else return f32x4.add(f32x4.mul(a, b), c);
}

/** All ones in the first `n` lanes (n < 4). */
// @ts-ignore: decorator
@inline
export function firstLanes(n: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(n));
}

/** The first `n` lanes at `p`, zero in the others. */
// @ts-ignore: decorator
@inline
export function loadFirst(p: usize, n: i32): v128 {
  return v128.and(v128.load(p), firstLanes(n));
}

/** Sum of the four lanes, in one fixed order. */
// @ts-ignore: decorator
@inline
export function laneSum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2)) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}

/** Largest of the four lanes as signed integers. */
// @ts-ignore: decorator
@inline
export function laneMaxI32(v: v128): i32 {
  const a = i32x4.max_s(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  const b = i32x4.max_s(a, i32x4.shuffle(a, a, 1, 0, 3, 2));
  return i32x4.extract_lane(b, 0);
}

/**
 * eˣ, relative error below 2e-7 in [-87.3, 88.3]; smaller x give 1.2e-38, larger ones +inf.
 * x = n·ln2 + r; adding 1.5·2²³ rounds x/ln2 to the integer n and leaves it in the low bits, where a shift makes it an exponent.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const v = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88.7)), f32x4.splat(-87.3));
  const t = madd(v, f32x4.splat(1.4426950408889634), f32x4.splat(12582912));
  const n = f32x4.sub(t, f32x4.splat(12582912));
  const r = madd(n, f32x4.splat(2.12194440e-4), madd(n, f32x4.splat(-0.693359375), v));
  let p = madd(f32x4.splat(P5), r, f32x4.splat(P4));
  p = madd(p, r, f32x4.splat(P3));
  p = madd(p, r, f32x4.splat(P2));
  p = madd(p, r, f32x4.splat(P1));
  p = madd(p, r, f32x4.splat(P0));
  return f32x4.mul(p, i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000)));
}

/** Minimax polynomial of eʳ for |r| ≤ ln2/2, least relative error (7e-8). */
// @ts-ignore: decorator
@inline const P0: f32 = 1.0000000716543522;
// @ts-ignore: decorator
@inline const P1: f32 = 0.9999996919774067;
// @ts-ignore: decorator
@inline const P2: f32 = 0.4999889485342843;
// @ts-ignore: decorator
@inline const P3: f32 = 0.16667574776768512;
// @ts-ignore: decorator
@inline const P4: f32 = 0.04191538180728281;
// @ts-ignore: decorator
@inline const P5: f32 = 0.008297651847495004;

/** `x / (1 + e⁻ʸ)`. */
// @ts-ignore: decorator
@inline
function timesSigmoid(x: v128, y: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp4(f32x4.neg(y))));
}

/** GELU in the tanh form: 0.5·x·(1 + tanh u) = x · sigmoid(2u), u = √(2/π)·(x + 0.044715·x³). */
// @ts-ignore: decorator
@inline
export function gelu4(x: v128): v128 {
  const c = madd(f32x4.mul(x, x), f32x4.splat(0.07135481627159977), f32x4.splat(1.5957691216057308));
  return timesSigmoid(x, f32x4.mul(x, c));
}

// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  return timesSigmoid(x, x);
}

/** max(0, x), NaN for NaN. */
// @ts-ignore: decorator
@inline
export function relu4(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

/** tanh: 1 − 2/(e²ˣ + 1), below |x| = 0.3 the odd series, which has no cancellation. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const far = f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), f32x4.add(exp4(f32x4.add(x, x)), f32x4.splat(1))));
  const s = f32x4.mul(x, x);
  let p = madd(f32x4.splat(-0.0088632355), s, f32x4.splat(0.021869488));
  p = madd(p, s, f32x4.splat(-0.053968254));
  p = madd(p, s, f32x4.splat(0.13333333));
  p = madd(p, s, f32x4.splat(-0.33333334));
  const near = madd(f32x4.mul(p, s), x, x);
  return v128.bitselect(near, far, f32x4.lt(f32x4.abs(x), f32x4.splat(0.3)));
}

/** Codes of the activations, shared with `src/kernels/wasm/kernels.ts`. */
export const NONE: i32 = 0;
export const GELU: i32 = 1;
export const SILU: i32 = 2;
export const RELU: i32 = 3;
export const TANH: i32 = 4;
