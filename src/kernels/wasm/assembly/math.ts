/**
 * @file Vector building blocks: multiply-add, exp, the activation functions, lane masks and lane sums. All functions propagate NaN: limits
 * are applied with `pmin(x, hi)` / `pmax(x, lo)`, which keep a NaN `x`.
 */

/** `a · b + c`; one rounding if the module may use relaxed SIMD, else two. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  else return f32x4.add(f32x4.mul(a, b), c);
}

/**
 * Constants of the loops below are stored in memory, as float32. V8 rebuilds a vector constant with several instructions in each iteration
 * of a loop (measured: 1.7 ns for an exponential); loading and spreading one takes one instruction (0.5 ns).
 */
@inline const CONSTANTS: usize = 320;

/** Indices of the constants. */
@inline export const ONE: usize = 0;
@inline const HIGH: usize = 4;
@inline const LOW: usize = 8;
@inline export const LOG2E: usize = 12;
/** 1.5·2²³: adding it rounds a small float to an integer (half to even) and leaves the integer in the low bits. */
@inline export const ROUND: usize = 16;
@inline export const LN2_LOW: usize = 20;
@inline export const LN2_HIGH: usize = 24;
@inline export const P0: usize = 28;
@inline export const P1: usize = 32;
@inline export const P2: usize = 36;
@inline export const P3: usize = 40;
@inline export const P4: usize = 44;
@inline export const P5: usize = 48;
@inline const GELU_CUBIC: usize = 52;
@inline const GELU_LINEAR: usize = 56;
/** Below this an exponential is treated as 0. */
@inline export const LEAST: usize = 60;
/** All bits but the sign. */
@inline export const MAGNITUDE: usize = 64;

/** For float16: sign, magnitude, 2¹¹², the first magnitude (shifted) that is not finite, infinity. */
@inline export const F16_SIGN: usize = 68;
@inline export const F16_MAGNITUDE: usize = 72;
@inline export const F16_SCALE: usize = 76;
@inline export const F16_SPECIAL: usize = 80;
@inline export const INFINITY_BITS: usize = 84;

/** For exponentials that become int16: a polynomial of 2ᶠ, and the least exponent of 2. */
@inline export const Q0: usize = 88;
@inline export const Q1: usize = 92;
@inline export const Q2: usize = 96;
@inline export const Q3: usize = 100;
@inline export const Q4: usize = 104;
@inline export const LEAST_LOG2: usize = 108;

/** A zero that V8 keeps in a register. */
@inline export const ZERO: usize = 112;

/** A constant in all four lanes. */
@inline
export function constant(which: usize): v128 {
  return v128.load32_splat(CONSTANTS + which);
}

/** Writes the constants. Every instance does this once before anything else, with the same values. */
export function initialize(): void {
  store<f32>(CONSTANTS + ONE, 1);
  store<f32>(CONSTANTS + HIGH, 88.7);
  store<f32>(CONSTANTS + LOW, -87.3);
  store<f32>(CONSTANTS + LOG2E, 1.4426950408889634);
  store<f32>(CONSTANTS + ROUND, 12582912);
  store<f32>(CONSTANTS + LN2_LOW, 2.12194440e-4);
  store<f32>(CONSTANTS + LN2_HIGH, -0.693359375);
  // Minimax polynomial of eʳ for |r| ≤ ln2/2, least relative error (7e-8).
  store<f32>(CONSTANTS + P0, 1.0000000716543522);
  store<f32>(CONSTANTS + P1, 0.9999996919774067);
  store<f32>(CONSTANTS + P2, 0.4999889485342843);
  store<f32>(CONSTANTS + P3, 0.16667574776768512);
  store<f32>(CONSTANTS + P4, 0.04191538180728281);
  store<f32>(CONSTANTS + P5, 0.008297651847495004);
  store<f32>(CONSTANTS + GELU_CUBIC, -0.07135481627159977);
  store<f32>(CONSTANTS + GELU_LINEAR, -1.5957691216057308);
  store<f32>(CONSTANTS + LEAST, -87);
  store<i32>(CONSTANTS + MAGNITUDE, 0x7fffffff);
  store<i32>(CONSTANTS + F16_SIGN, 0x8000);
  store<i32>(CONSTANTS + F16_MAGNITUDE, 0x7fff);
  store<i32>(CONSTANTS + F16_SCALE, 0x77800000);
  store<i32>(CONSTANTS + F16_SPECIAL, 0x0f800000);
  store<i32>(CONSTANTS + INFINITY_BITS, 0x7f800000);
  // Minimax polynomial of 2ᶠ for |f| ≤ 1/2, least relative error (2.6e-6).
  store<f32>(CONSTANTS + Q0, 0.9999992614457122);
  store<f32>(CONSTANTS + Q1, 0.6931218147366892);
  store<f32>(CONSTANTS + Q2, 0.2402474482786378);
  store<f32>(CONSTANTS + Q3, 0.055917860319388245);
  store<f32>(CONSTANTS + Q4, 0.009570101911165427);
  store<f32>(CONSTANTS + LEAST_LOG2, -125);
  store<i32>(CONSTANTS + ZERO, 0);
}

/** All ones in the first `n` lanes (n < 4). */
@inline
export function firstLanes(n: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(n));
}

/** The first `n` lanes at `p`, zero in the others. */
@inline
export function loadFirst(p: usize, n: i32): v128 {
  return v128.and(v128.load(p), firstLanes(n));
}

/** Sum of the four lanes, in one fixed order. */
@inline
export function laneSum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2)) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}

/**
 * √x. V8 encodes the scalar instruction in a way that costs hundreds of cycles while the upper halves of 256-bit registers are in use
 * (measured: 0.25 us), so this uses the vector instruction.
 */
@inline
export function squareRoot(x: f32): f32 {
  return f32x4.extract_lane(f32x4.sqrt(f32x4.splat(x)), 0);
}

/** Largest of the four lanes as signed integers. */
@inline
export function laneMaxI32(v: v128): i32 {
  const a = i32x4.max_s(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  const b = i32x4.max_s(a, i32x4.shuffle(a, a, 1, 0, 3, 2));
  return i32x4.extract_lane(b, 0);
}

/**
 * eˣ for −87.3 ≤ x ≤ 88, relative error below 2e-7. x = n·ln2 + r; the integer n is in the low bits of t; a shift turns it into an
 * exponent.
 */
@inline
export function expWithin(x: v128): v128 {
  const t = madd(x, constant(LOG2E), constant(ROUND));
  const n = f32x4.sub(t, constant(ROUND));
  const r = madd(n, constant(LN2_LOW), madd(n, constant(LN2_HIGH), x));
  let p = madd(constant(P5), r, constant(P4));
  p = madd(p, r, constant(P3));
  p = madd(p, r, constant(P2));
  p = madd(p, r, constant(P1));
  p = madd(p, r, constant(P0));
  return f32x4.mul(p, i32x4.add(i32x4.shl(t, 23), constant(ONE)));
}

/** eˣ for x ≤ 88, exactly 0 below −87. */
@inline
export function expOrZero(x: v128): v128 {
  return v128.andnot(expWithin(x), f32x4.lt(x, constant(LEAST)));
}

/** eˣ, at least 1.2e-38, +inf above 88.3. */
@inline
export function exp4(x: v128): v128 {
  return expWithin(f32x4.pmax(f32x4.pmin(x, constant(HIGH)), constant(LOW)));
}

/** GELU in the tanh form: 0.5·x·(1 + tanh u) = x / (1 + e⁻²ᵘ), u = √(2/π)·(x + 0.044715·x³). */
@inline
export function gelu4(x: v128): v128 {
  const c = madd(f32x4.mul(x, x), constant(GELU_CUBIC), constant(GELU_LINEAR));
  return f32x4.div(x, f32x4.add(constant(ONE), exp4(f32x4.mul(x, c))));
}

/** x / (1 + e^(−1.702x)). */
@inline
export function geluQuick4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(constant(ONE), exp4(f32x4.mul(x, f32x4.splat(-1.702)))));
}

/**
 * GELU in the erf form: x·(1 − h) for x ≥ 0 and x·h below, h = ½·erfc(|x|/√2) by Abramowitz and Stegun 7.1.26 (error 1.5e-7).
 */
@inline
export function geluErf4(x: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.7071067811865476));
  const t = f32x4.div(constant(ONE), madd(z, f32x4.splat(0.3275911), constant(ONE)));
  let p = madd(t, f32x4.splat(0.5307027145), f32x4.splat(-0.7265760135));
  p = madd(t, p, f32x4.splat(0.7107068705));
  p = madd(t, p, f32x4.splat(-0.142248368));
  p = madd(t, p, f32x4.splat(0.127414796));
  const h = f32x4.mul(f32x4.mul(t, p), exp4(f32x4.neg(f32x4.mul(z, z))));
  return f32x4.mul(x, v128.bitselect(h, f32x4.sub(constant(ONE), h), f32x4.lt(x, f32x4.splat(0))));
}

@inline
export function silu4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(constant(ONE), exp4(f32x4.neg(x))));
}

/** max(0, x), NaN for NaN. */
@inline
export function relu4(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

/** tanh: 1 − 2/(e²ˣ + 1), below |x| = 0.3 the odd series, which has no cancellation. */
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

/** Lane i of the result: the largest lane of the i-th vector. */
@inline
export function largestOfEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.pmax(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.pmax(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.pmax(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/** Codes of the activations. */
export const NONE: i32 = 0;
export const GELU: i32 = 1;
export const SILU: i32 = 2;
export const RELU: i32 = 3;
export const TANH: i32 = 4;
export const GELU_QUICK: i32 = 5;
export const GELU_ERF: i32 = 6;
