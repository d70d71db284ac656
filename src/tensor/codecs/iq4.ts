/**
 * @file IQ4_NL and IQ4_XS: four bits that pick one of sixteen unevenly spaced values, which are denser near zero, as weights are.
 *
 * ```
 * IQ4_NL  32 values, 18 bytes   @0 f16 d   @2 u8 qs[16]                                    y = d·T4[q]
 * IQ4_XS 256 values, 136 bytes  @0 f16 d   @2 u16 scalesHigh   @4 u8 scalesLow[4]   @8 u8 qs[128]
 *         8 groups of 32, group b in qs[16b…16b + 15]                                      y = d·(sc − 32)·T4[q]
 *         sc: four low bits in half b mod 2 of scalesLow[b / 2], two high bits in bits 2b… of scalesHigh
 * ```
 * In 16 bytes of `qs`, byte `j` holds value `j` in its low half and value `j + 16` in its high half.
 */
import { codec, putU16, u16 } from './codec.ts';
import { f16ToF32, f32ToF16 } from './half.ts';

/** The sixteen values. */
const T4 = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** 32 values of scale `d` from the sixteen bytes at `qs`. */
function decode(src: Uint8Array, qs: number, d: number, dst: Float32Array, to: number): void {
  for (let j = 0; j < 16; j++) {
    const q = src[qs + j];
    dst[to + j] = d * T4[q & 15];
    dst[to + j + 16] = d * T4[q >> 4];
  }
}

/**
 * Index of the value nearest to `v`, by `⌊2v⌋ + 256` for −128 ≤ v < 128: the middles between neighbours are multiples
 * of ½.
 */
const nearestT4 = Uint8Array.from({ length: 512 }, (_, i) => {
  const v = (i - 255.5) / 2;
  return T4.reduce((best, value, j) => (Math.abs(value - v) < Math.abs(T4[best] - v) ? j : best), 0);
});
const code = (v: number) => (v <= -128 ? 0 : v >= 127.5 ? 15 : nearestT4[(2 * v + 256) | 0]);

/**
 * The fractions of the range that the largest value may take. The search puts it near either end, where the table is coarse, in steps of 2
 * %.
 */
const stretches = [T4[0], T4[15]].flatMap((end) => Array.from({ length: 15 }, (_, i) => end * (0.84 + 0.02 * i)));

/** The best step so far, and how much of the sum of squares it explains. */
let best = 0;
let gain = 0;

/** Takes the nearest codes for the given inverse step and fits the step to them. Returns true when this is better than the best so far. */
function tryStep(x: Float32Array, at: number, inverse: number): boolean {
  let xv = 0;
  let vv = 0;
  for (let i = at; i < at + 32; i++) {
    const v = T4[code(x[i] * inverse)];
    xv += x[i] * v;
    vv += v * v;
  }
  if (xv * xv <= gain * vv) return false;
  gain = (xv * xv) / vv;
  best = xv / vv;
  return true;
}

/** The step `d` for which `d·T4[q]` is nearest (least squares) to the 32 values from `x[at]` on. */
function searchStep(x: Float32Array, at: number): number {
  let extreme = 0;
  for (let i = at; i < at + 32; i++) if (Math.abs(x[i]) > Math.abs(extreme)) extreme = x[i];
  if (extreme === 0) return 0;
  best = 0;
  gain = 0;
  for (const stretch of stretches) tryStep(x, at, stretch / extreme);
  for (let round = 0; round < 3 && tryStep(x, at, 1 / best); round++);
  return best;
}

export const IQ4_NL = codec(
  'IQ4_NL',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 18, to += 32) decode(src, at + 2, f16ToF32(u16(src, at)), dst, to);
  },
  (src, dst, n) => {
    for (let at = 0, from = 0; from < n; at += 18, from += 32) {
      const h = f32ToF16(searchStep(src, from));
      const d = f16ToF32(h);
      const inverse = d === 0 ? 0 : 1 / d;
      putU16(dst, at, h);
      for (let j = 0; j < 16; j++) {
        dst[at + 2 + j] = code(src[from + j] * inverse) | (code(src[from + j + 16] * inverse) << 4);
      }
    }
  },
);

export const IQ4_XS = codec('IQ4_XS', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 136, to += 256) {
    const d = f16ToF32(u16(src, at));
    const high = u16(src, at + 2);
    for (let b = 0; b < 8; b++) {
      const low = src[at + 4 + (b >> 1)] >> (4 * (b & 1));
      const scale = (low & 15) | (((high >> (2 * b)) & 3) << 4);
      decode(src, at + 8 + 16 * b, d * (scale - 32), dst, to + 32 * b);
    }
  }
});
