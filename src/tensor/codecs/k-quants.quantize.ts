/**
 * @file Writing Q4_K, Q5_K and Q6_K (layouts: `k-quants.ts`).
 *
 * First each group gets the step (and minimum) that suits it alone. The largest ones fix the super-block's `d` (and `dmin`), the others
 * become whole multiples. Rounding to multiples costs more than it must, so each group then looks whether a neighbouring multiple is
 * better in fact, and `d` and `dmin` are fitted once more to what was chosen. The plain sum of squared errors decides throughout.
 */
import type { Quantize } from './codec.ts';
import { f16ToF32, f32ToF16 } from './half.ts';
import { type StepAndOffset, searchStep, searchStepAndOffset } from './search.ts';

/** How often the integers of the groups and the floats of the super-block are fitted to each other. */
const ROUNDS = 2;

const toHalf = (x: number) => f16ToF32(f32ToF16(x));
const clamp = (lo: number, hi: number, x: number) => Math.max(lo, Math.min(hi, x));
const nearest = (x: number) => Math.floor(x + 0.5);

/** Stores `x`, which is representable, as f16 at byte `at`. */
function putHalf(dst: Uint8Array, at: number, x: number): void {
  const h = f32ToF16(x);
  dst[at] = h;
  dst[at + 1] = h >> 8;
}

const fit: StepAndOffset = { d: 0, m: 0 };
const steps = new Float64Array(16);
const offsets = new Float64Array(8);

/** Whole-number form of a super-block of Q4_K or Q5_K: `y = d·sc·q − dmin·mn`. */
interface Affine {
  d: number;
  dmin: number;
  readonly sc: Uint8Array;
  readonly mn: Uint8Array;
}
const found: Affine = { d: 0, dmin: 0, sc: new Uint8Array(8), mn: new Uint8Array(8) };

/** Squared error of 32 values when stored as the nearest `step·q − min`, `q` in `[0, hi]`. */
function affineError(x: Float32Array, at: number, step: number, min: number, hi: number): number {
  const inverse = step === 0 ? 0 : 1 / step;
  let error = 0;
  for (let i = at; i < at + 32; i++) {
    const q = clamp(0, hi, nearest((x[i] + min) * inverse));
    const difference = x[i] + min - step * q;
    error += difference * difference;
  }
  return error;
}

/** The best multiples of `found.d` and `found.dmin` for a group, at most one from where it stands. Returns their squared error. */
function settle(x: Float32Array, at: number, group: number, hi: number): number {
  const { d, dmin, sc, mn } = found;
  const scHere = sc[group];
  const mnHere = mn[group];
  let least = Infinity;
  for (let s = Math.max(0, scHere - 1); s <= Math.min(63, scHere + 1); s++) {
    for (let m = Math.max(0, mnHere - 1); m <= Math.min(63, mnHere + 1); m++) {
      const error = affineError(x, at + 32 * group, d * s, dmin * m, hi);
      if (error >= least) continue;
      least = error;
      sc[group] = s;
      mn[group] = m;
    }
  }
  return least;
}

/** Fits `d` and `dmin` to the chosen multiples and the nearest integers by least squares, rounded to f16. */
function refit(x: Float32Array, at: number, hi: number, out: StepAndOffset): void {
  const { d, dmin, sc, mn } = found;
  let aa = 0;
  let ab = 0;
  let bb = 0;
  let xa = 0;
  let xb = 0;
  for (let group = 0; group < 8; group++) {
    const step = d * sc[group];
    const min = dmin * mn[group];
    const inverse = step === 0 ? 0 : 1 / step;
    for (let i = at + 32 * group; i < at + 32 * group + 32; i++) {
      const a = sc[group] * clamp(0, hi, nearest((x[i] + min) * inverse));
      const b = -mn[group];
      aa += a * a;
      ab += a * b;
      bb += b * b;
      xa += x[i] * a;
      xb += x[i] * b;
    }
  }
  const determinant = aa * bb - ab * ab;
  if (determinant > 0) {
    out.d = toHalf((bb * xa - ab * xb) / determinant);
    out.m = toHalf((aa * xb - ab * xa) / determinant);
  } else {
    out.d = aa > 0 ? toHalf(xa / aa) : d;
    out.m = bb > 0 && aa === 0 ? toHalf(xb / bb) : dmin;
  }
}

/** Squared error of the super-block as `found` stands. */
function superError(x: Float32Array, at: number, hi: number): number {
  let error = 0;
  for (let group = 0; group < 8; group++) {
    error += affineError(x, at + 32 * group, found.d * found.sc[group], found.dmin * found.mn[group], hi);
  }
  return error;
}

/** Fills `found` for the 256 values from `x[at]` on. */
function searchAffine(x: Float32Array, at: number, hi: number): void {
  let maxStep = 0;
  let maxOffset = 0;
  for (let group = 0; group < 8; group++) {
    searchStepAndOffset(x, at + 32 * group, 32, hi, true, fit);
    steps[group] = fit.d;
    offsets[group] = -fit.m;
    maxStep = Math.max(maxStep, fit.d);
    maxOffset = Math.max(maxOffset, -fit.m);
  }
  found.d = toHalf(maxStep / 63);
  found.dmin = toHalf(maxOffset / 63);
  for (let group = 0; group < 8; group++) {
    found.sc[group] = found.d === 0 ? 0 : clamp(0, 63, nearest(steps[group] / found.d));
    found.mn[group] = found.dmin === 0 ? 0 : clamp(0, 63, nearest(offsets[group] / found.dmin));
  }
  let error = 0;
  for (let group = 0; group < 8; group++) error += settle(x, at, group, hi);
  for (let round = 0; round < ROUNDS && error > 0; round++) {
    const { d, dmin } = found;
    refit(x, at, hi, fit);
    found.d = fit.d;
    found.dmin = fit.m;
    const refitted = superError(x, at, hi);
    if (refitted >= error) {
      found.d = d;
      found.dmin = dmin;
      return;
    }
    error = 0;
    for (let group = 0; group < 8; group++) error += settle(x, at, group, hi);
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
        codes[j] = step === 0 ? 0 : clamp(0, hi, nearest((src[from + j] + min) / step));
      }
      putHalf(dst, at, found.d);
      putHalf(dst, at + 2, found.dmin);
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

/** Squared error of 16 values when stored as the nearest `step·q`, `q` in `[−32, 31]`. */
function symmetricError(x: Float32Array, at: number, step: number): number {
  const inverse = step === 0 ? 0 : 1 / step;
  let error = 0;
  for (let i = at; i < at + 16; i++) {
    const difference = x[i] - step * clamp(-32, 31, nearest(x[i] * inverse));
    error += difference * difference;
  }
  return error;
}

/** Moves each of `sc6` to the best multiple of `d`, at most one from where it stands. Returns the squared error. */
function settleQ6(x: Float32Array, at: number, d: number): number {
  let total = 0;
  for (let group = 0; group < 16; group++) {
    const here = sc6[group];
    let least = Infinity;
    for (let s = Math.max(-128, here - 1); s <= Math.min(127, here + 1); s++) {
      const error = symmetricError(x, at + 16 * group, d * s);
      if (error >= least) continue;
      least = error;
      sc6[group] = s;
    }
    total += least;
  }
  return total;
}

/** The least-squares `d`, rounded to f16, for the multiples in `sc6` and the nearest integers. */
function refitQ6(x: Float32Array, at: number, d: number): number {
  let aa = 0;
  let xa = 0;
  for (let i = 0; i < 256; i++) {
    const s = sc6[i >> 4];
    if (s === 0) continue;
    const a = s * clamp(-32, 31, nearest(x[at + i] / (d * s)));
    aa += a * a;
    xa += a * x[at + i];
  }
  return aa === 0 ? d : toHalf(xa / aa);
}

/** Fills `sc6` for the 256 values from `x[at]` on and returns `d`. */
function searchQ6(x: Float32Array, at: number): number {
  let extreme = 0;
  for (let group = 0; group < 16; group++) {
    steps[group] = searchStep(x, at + 16 * group, 16, -32, 31);
    if (Math.abs(steps[group]) > Math.abs(extreme)) extreme = steps[group];
  }
  let d = toHalf(extreme / -128);
  for (let group = 0; group < 16; group++) sc6[group] = d === 0 ? 0 : clamp(-128, 127, nearest(steps[group] / d));
  let error = settleQ6(x, at, d);
  for (let round = 0; round < ROUNDS && d !== 0; round++) {
    const refitted = refitQ6(x, at, d);
    let errorThen = 0;
    for (let group = 0; group < 16; group++) errorThen += symmetricError(x, at + 16 * group, refitted * sc6[group]);
    if (errorThen >= error) break;
    d = refitted;
    error = settleQ6(x, at, d);
  }
  return d;
}

export const quantizeQ6_K: Quantize = (src, dst, n) => {
  for (let at = 0, from = 0; from < n; at += 210, from += 256) {
    const d = searchQ6(src, from);
    for (let j = 0; j < 256; j++) {
      const step = d * sc6[j >> 4];
      codes[j] = 32 + (step === 0 ? 0 : clamp(-32, 31, nearest(src[from + j] / step)));
    }
    for (let half = 0; half < 2; half++) {
      for (let l = 0; l < 32; l++) {
        const [a, b, c, e] = [0, 32, 64, 96].map((j) => codes[128 * half + j + l]);
        dst[at + 64 * half + l] = (a & 15) | ((c & 15) << 4);
        dst[at + 64 * half + 32 + l] = (b & 15) | ((e & 15) << 4);
        dst[at + 128 + 32 * half + l] = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((e >> 4) << 6);
      }
    }
    dst.set(new Uint8Array(sc6.buffer), at + 192);
    putHalf(dst, at + 208, d);
  }
};
