/**
 * @file Writing Q4_K, Q5_K and Q6_K (layouts: `k-quants.ts`).
 *
 * A super-block is `y = d·sc·q − dmin·mn`; Q6_K has no second term. Each value has an integer `q`, each group has integers `sc` and `mn`,
 * and `d` and `dmin` apply to all groups. The search first finds the best step and minimum of each group alone. The largest of these
 * determine `d` and `dmin`; the others are rounded to multiples of them. This rounding loses precision, so the search then refines in
 * turns: `q` for fixed scales, `sc` and `mn` for fixed `q`, `d` and `dmin` for both. It minimises the sum of squared errors throughout.
 *
 * For given `q` the squared error of a group is a polynomial of its step and minimum, with sums over the group as coefficients.
 */
import { putU16, type Quantize } from './codec.ts';
import { f16ToF32, f32ToF16 } from './half.ts';
import { nearest, type StepAndOffset, searchStep, searchStepAndOffset } from './search.ts';

/** The largest number of turns. Those of Q6_K are cheaper, and most of its super-blocks stop earlier. */
const TURNS = 2;
const TURNS_Q6 = 6;

const toHalf = (x: number) => f16ToF32(f32ToF16(x));

const fit: StepAndOffset = { d: 0, m: 0 };
/** By group: the best step and minimum of the group alone. */
const steps = new Float64Array(16);
const minima = new Float64Array(8);

/** By group: the sums from which its squared error is computed. */
const sumQ = new Float64Array(16);
const sumQQ = new Float64Array(16);
const sumX = new Float64Array(16);
const sumXQ = new Float64Array(16);
const sumXX = new Float64Array(16);

/** Rounds the `n` values of a group, from `x[at]` on, to `step·q − min` with `q` in `[lo, hi]`, and computes the group's sums. */
function measure(
  x: Float32Array,
  at: number,
  n: number,
  group: number,
  step: number,
  min: number,
  lo: number,
  hi: number,
) {
  const inverse = step === 0 ? 0 : 1 / step;
  let q1 = 0;
  let q2 = 0;
  let x1 = 0;
  let xq = 0;
  let x2 = 0;
  for (let i = at; i < at + n; i++) {
    const value = x[i];
    const q = nearest((value + min) * inverse, lo, hi);
    q1 += q;
    q2 += q * q;
    x1 += value;
    xq += value * q;
    x2 += value * value;
  }
  sumQ[group] = q1;
  sumQQ[group] = q2;
  sumX[group] = x1;
  sumXQ[group] = xq;
  sumXX[group] = x2;
}

/** The squared error of a group of 32 for the measured integers. */
function errorOf(group: number, step: number, min: number): number {
  const cross = step * sumXQ[group] - min * sumX[group] + step * min * sumQ[group];
  return sumXX[group] + step * step * sumQQ[group] + 32 * min * min - 2 * cross;
}

/** The super-block found by `searchAffine`. */
const found = { d: 0, dmin: 0, sc: new Uint8Array(8), mn: new Uint8Array(8) };

/** The squared error of a group of 32 values, from `x[at]` on, with the best integers for this step and minimum. */
function roundedError(x: Float32Array, at: number, step: number, min: number, hi: number): number {
  const inverse = step === 0 ? 0 : 1 / step;
  let error = 0;
  for (let i = at; i < at + 32; i++) {
    const value = x[i] + min;
    const difference = value - step * nearest(value * inverse, 0, hi);
    error += difference * difference;
  }
  return error;
}

/**
 * Moves the multiples of a group to the best ones at a distance of at most one. Each candidate is tried with its own best integers, because
 * with fixed integers the multiples would hardly move.
 */
function settle(x: Float32Array, at: number, group: number, hi: number): void {
  const { d, dmin, sc, mn } = found;
  const scHere = sc[group];
  const mnHere = mn[group];
  let least = Infinity;
  for (let s = Math.max(0, scHere - 1); s <= Math.min(63, scHere + 1); s++) {
    for (let m = Math.max(0, mnHere - 1); m <= Math.min(63, mnHere + 1); m++) {
      const error = roundedError(x, at, d * s, dmin * m, hi);
      if (error >= least) continue;
      least = error;
      sc[group] = s;
      mn[group] = m;
    }
  }
}

/** Squared error of the super-block for the measured integers. */
function totalError(d: number, dmin: number): number {
  let error = 0;
  for (let group = 0; group < 8; group++) error += errorOf(group, d * found.sc[group], dmin * found.mn[group]);
  return error;
}

/** Sets `d` and `dmin` to the half floats nearest to their least-squares values for the measured integers, if that reduces the error. */
function refit(): void {
  let aa = 0;
  let ab = 0;
  let bb = 0;
  let xa = 0;
  let xb = 0;
  for (let group = 0; group < 8; group++) {
    const s = found.sc[group];
    const m = found.mn[group];
    aa += s * s * sumQQ[group];
    ab -= s * m * sumQ[group];
    bb += 32 * m * m;
    xa += s * sumXQ[group];
    xb -= m * sumX[group];
  }
  const determinant = aa * bb - ab * ab;
  if (determinant <= 0) return;
  const d = toHalf((bb * xa - ab * xb) / determinant);
  const dmin = toHalf((aa * xb - ab * xa) / determinant);
  if (totalError(d, dmin) >= totalError(found.d, found.dmin)) return;
  found.d = d;
  found.dmin = dmin;
}

/** Fills `found` for the 256 values from `x[at]` on. */
function searchAffine(x: Float32Array, at: number, hi: number): void {
  const { sc, mn } = found;
  let maxStep = 0;
  let maxMin = 0;
  for (let group = 0; group < 8; group++) {
    searchStepAndOffset(x, at + 32 * group, 32, hi, true, fit);
    steps[group] = fit.d;
    minima[group] = -fit.m;
    maxStep = Math.max(maxStep, fit.d);
    maxMin = Math.max(maxMin, -fit.m);
  }
  found.d = toHalf(maxStep / 63);
  found.dmin = toHalf(maxMin / 63);
  for (let group = 0; group < 8; group++) {
    sc[group] = found.d === 0 ? 0 : nearest(steps[group] / found.d, 0, 63);
    mn[group] = found.dmin === 0 ? 0 : nearest(minima[group] / found.dmin, 0, 63);
  }
  for (let turn = 0; turn < TURNS; turn++) {
    for (let group = 0; group < 8; group++) {
      settle(x, at + 32 * group, group, hi);
      measure(x, at + 32 * group, 32, group, found.d * sc[group], found.dmin * mn[group], 0, hi);
    }
    refit();
  }
}

/** Stores the eight scales and minima of `found` in the twelve bytes at `at`. */
function putScales(dst: Uint8Array, at: number): void {
  const { sc, mn } = found;
  for (let j = 0; j < 4; j++) {
    dst[at + j] = sc[j] | ((sc[j + 4] >> 4) << 6);
    dst[at + 4 + j] = mn[j] | ((mn[j + 4] >> 4) << 6);
    dst[at + 8 + j] = (sc[j + 4] & 15) | ((mn[j + 4] & 15) << 4);
  }
}

const codes = new Uint8Array(256);

/** Q4_K and Q5_K. */
const affine =
  (bits: 4 | 5): Quantize =>
  (src, dst, n) => {
    const hi = (1 << bits) - 1;
    const qs = bits === 4 ? 16 : 48;
    for (let at = 0, from = 0; from < n; at += qs + 128, from += 256) {
      searchAffine(src, from, hi);
      for (let j = 0; j < 256; j++) {
        const step = found.d * found.sc[j >> 5];
        const min = found.dmin * found.mn[j >> 5];
        codes[j] = step === 0 ? 0 : nearest((src[from + j] + min) / step, 0, hi);
      }
      putU16(dst, at, f32ToF16(found.d));
      putU16(dst, at + 2, f32ToF16(found.dmin));
      putScales(dst, at + 4);
      for (let j = 0; j < 128; j++) {
        const low = 64 * (j >> 5) + (j & 31);
        dst[at + qs + j] = (codes[low] & 15) | ((codes[low + 32] & 15) << 4);
      }
      for (let l = 0; bits === 5 && l < 32; l++) {
        let high = 0;
        for (let group = 0; group < 8; group++) high |= (codes[32 * group + l] >> 4) << group;
        dst[at + 16 + l] = high;
      }
    }
  };

export const quantizeQ4_K = affine(4);
export const quantizeQ5_K = affine(5);

const sc6 = new Int8Array(16);

/** Fills `sc6` for the 256 values from `x[at]` on and returns `d`. */
function searchQ6(x: Float32Array, at: number): number {
  let extreme = 0;
  for (let group = 0; group < 16; group++) {
    steps[group] = searchStep(x, at + 16 * group, 16, -32, 31);
    if (Math.abs(steps[group]) > Math.abs(extreme)) extreme = steps[group];
  }
  let d = toHalf(extreme / -128);
  if (d === 0) {
    sc6.fill(0);
    return 0;
  }
  for (let group = 0; group < 16; group++) sc6[group] = nearest(steps[group] / d, -128, 127);
  let before = Infinity;
  for (let turn = 0; turn < TURNS_Q6; turn++) {
    let aa = 0;
    let xa = 0;
    let xx = 0;
    for (let group = 0; group < 16; group++) {
      measure(x, at + 16 * group, 16, group, d * sc6[group], 0, -32, 31);
      if (sumQQ[group] > 0) sc6[group] = nearest(sumXQ[group] / sumQQ[group] / d, -128, 127);
      aa += sc6[group] * sc6[group] * sumQQ[group];
      xa += sc6[group] * sumXQ[group];
      xx += sumXX[group];
    }
    const error = (step: number) => xx + step * step * aa - 2 * step * xa;
    const fitted = aa > 0 ? toHalf(xa / aa) : 0;
    if (fitted !== 0 && error(fitted) < error(d)) d = fitted;
    if (error(d) >= 0.999 * before) break;
    before = error(d);
  }
  return d;
}

export const quantizeQ6_K: Quantize = (src, dst, n) => {
  for (let at = 0, from = 0; from < n; at += 210, from += 256) {
    const d = searchQ6(src, from);
    for (let j = 0; j < 256; j++) {
      const step = d * sc6[j >> 4];
      codes[j] = 32 + (step === 0 ? 0 : nearest(src[from + j] / step, -32, 31));
    }
    for (let half = 0; half < 2; half++) {
      for (let l = 0; l < 32; l++) {
        const from = 128 * half + l;
        const q0 = codes[from];
        const q1 = codes[from + 32];
        const q2 = codes[from + 64];
        const q3 = codes[from + 96];
        dst[at + 64 * half + l] = (q0 & 15) | ((q2 & 15) << 4);
        dst[at + 64 * half + 32 + l] = (q1 & 15) | ((q3 & 15) << 4);
        dst[at + 128 + 32 * half + l] = (q0 >> 4) | ((q1 >> 4) << 2) | ((q2 >> 4) << 4) | ((q3 >> 4) << 6);
      }
    }
    for (let group = 0; group < 16; group++) dst[at + 192 + group] = sc6[group];
    putU16(dst, at + 208, f32ToF16(d));
  }
};
