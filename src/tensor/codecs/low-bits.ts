/**
 * @file One, 1.6 and two bits a value with one scale: Q1_0 (signs), Q2_0 (−1…2), and the ternary TQ1_0 and TQ2_0 (−1, 0, 1).
 *
 * ```
 * Q1_0  128 values, 18 bytes  @0 f16 d   @2 u8 qs[16]                   y = bit set ? d : −d
 *         value j in bit j mod 8 of qs[j / 8]
 * Q2_0   64 values, 18 bytes  @0 f16 d   @2 u8 qs[16]                   y = d·(q − 1)
 *         value j in bits 2·(j mod 4)… of qs[j / 4]
 * TQ2_0 256 values, 66 bytes  @0 u8 qs[64]   @64 f16 d                  y = d·(q − 1)
 *         value 128·half + 32·l + m in bits 2l… of qs[32·half + m]
 * TQ1_0 256 values, 54 bytes  @0 u8 qs[48]   @48 u8 qh[4]   @52 f16 d   y = d·(trit − 1), five trits a byte, four in qh
 *         qs[0…31]  trit 0 of each byte, then trit 1 of each, … trit 4  values 0…159
 *         qs[32…47] likewise                                            values 160…239
 *         qh[0…3]   trits 0…3 likewise                                  values 240…255
 * ```
 * A TQ1_0 byte `b` represents the fraction b / 256, and its trits are the ternary digits after the point. After n digits, `(b·3ⁿ) mod 256`
 * remains; the next digit is this remainder times three, divided by 256.
 */
import { codec, u16 } from './codec.ts';
import { f16ToF32 } from './half.ts';

export const Q1_0 = codec('Q1_0', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 18, to += 128) {
    const d = f16ToF32(u16(src, at));
    for (let j = 0; j < 128; j++) dst[to + j] = (src[at + 2 + (j >> 3)] >> (j & 7)) & 1 ? d : -d;
  }
});

export const Q2_0 = codec('Q2_0', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 18, to += 64) {
    const d = f16ToF32(u16(src, at));
    for (let j = 0; j < 64; j++) dst[to + j] = d * (((src[at + 2 + (j >> 2)] >> (2 * (j & 3))) & 3) - 1);
  }
});

export const TQ2_0 = codec('TQ2_0', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 66, to += 256) {
    const d = f16ToF32(u16(src, at + 64));
    for (let j = 0; j < 256; j++) {
      const q = src[at + 32 * (j >> 7) + (j & 31)] >> (2 * ((j >> 5) & 3));
      dst[to + j] = d * ((q & 3) - 1);
    }
  }
});

/** The three runs of bytes of a TQ1_0 block: offset, bytes, trits taken from each byte. */
const tritRuns = [
  [0, 32, 5],
  [32, 16, 5],
  [48, 4, 4],
] as const;

export const TQ1_0 = codec('TQ1_0', (src, dst, n) => {
  let to = 0;
  for (let at = 0; to < n; at += 54) {
    const d = f16ToF32(u16(src, at + 52));
    for (const [offset, nBytes, nTrits] of tritRuns) {
      for (let trit = 0, power = 1; trit < nTrits; trit++, power *= 3) {
        for (let m = 0; m < nBytes; m++) {
          const rest = (src[at + offset + m] * power) & 255;
          dst[to++] = d * (((rest * 3) >> 8) - 1);
        }
      }
    }
  }
});
