/**
 * @file Writing Q4_0, Q4_1, Q5_0 and Q5_1 (layouts: `q4-q5.ts`). Each block's step is searched and rounded to f16. Each value then takes
 * the code nearest to it under the stored step.
 */
import { putU16, type Quantize } from './codec.ts';
import { f16ToF32, f32ToF16 } from './half.ts';
import { nearest, type StepAndOffset, searchStep, searchStepAndOffset } from './search.ts';

const codes = new Uint8Array(32);

/** Stores `codes`: the low four bits of each at `qs`, the fifth (if `bits` is 5) in the four bytes before. */
function putCodes(dst: Uint8Array, qs: number, bits: 4 | 5): void {
  for (let j = 0; j < 16; j++) dst[qs + j] = (codes[j] & 15) | ((codes[j + 16] & 15) << 4);
  if (bits === 4) return;
  for (let byte = 0; byte < 4; byte++) {
    let high = 0;
    for (let j = 0; j < 8; j++) high |= (codes[8 * byte + j] >> 4) << j;
    dst[qs - 4 + byte] = high;
  }
}

/** Q4_0, Q5_0: `y = d·(code − 2^(bits − 1))`. */
const symmetric =
  (bits: 4 | 5): Quantize =>
  (src, dst, n) => {
    const half = 1 << (bits - 1);
    const qs = bits === 4 ? 2 : 6;
    for (let at = 0, from = 0; from < n; at += qs + 16, from += 32) {
      const h = f32ToF16(searchStep(src, from, 32, -half, half - 1));
      const d = f16ToF32(h);
      const inverse = d === 0 ? 0 : 1 / d;
      putU16(dst, at, h);
      for (let j = 0; j < 32; j++) {
        codes[j] = half + nearest(src[from + j] * inverse, -half, half - 1);
      }
      putCodes(dst, at + qs, bits);
    }
  };

/** Q4_1, Q5_1: `y = d·code + m`. */
const affine =
  (bits: 4 | 5): Quantize =>
  (src, dst, n) => {
    const hi = (1 << bits) - 1;
    const qs = bits === 4 ? 4 : 8;
    const fit: StepAndOffset = { d: 0, m: 0 };
    for (let at = 0, from = 0; from < n; at += qs + 16, from += 32) {
      searchStepAndOffset(src, from, 32, hi, false, fit);
      putU16(dst, at, f32ToF16(fit.d));
      putU16(dst, at + 2, f32ToF16(fit.m));
      const d = f16ToF32(f32ToF16(fit.d));
      const m = f16ToF32(f32ToF16(fit.m));
      const inverse = d === 0 ? 0 : 1 / d;
      for (let j = 0; j < 32; j++) {
        codes[j] = nearest((src[from + j] - m) * inverse, 0, hi);
      }
      putCodes(dst, at + qs, bits);
    }
  };

export const quantizeQ4_0 = symmetric(4);
export const quantizeQ4_1 = affine(4);
export const quantizeQ5_0 = symmetric(5);
export const quantizeQ5_1 = affine(5);
