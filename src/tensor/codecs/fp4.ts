/**
 * @file Four-bit floats with a shared scale: MXFP4 (of the OCP microscaling formats) and NVFP4.
 *
 * ```
 * MXFP4 32 values, 17 bytes  @0 u8 e      @1 u8 qs[16]   y = F4[code]·2^(e − 128)
 *         byte j: value j in the low half, value j + 16 in the high half
 * NVFP4 64 values, 36 bytes  @0 u8 d[4]   @4 u8 qs[32]   y = F4[code]·D(d[s]), four groups s of 16
 *         group s in qs[8s…8s + 7], byte j of these: value j in the low half, value j + 8 in the high half
 * ```
 * A code is E2M1 (sign, two exponent bits, one mantissa bit). `F4` holds the doubled values and the scales are halved
 * to match: 2^(e − 128) for E8M0's 2^(e − 127), and D with a factor ½. The code of −0 gives +0.
 */
import { codec } from './codec.ts';

/** E2M1 values, doubled, by code. */
const F4 = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** 2^(e − 128) by `e`. The format defines 255 as NaN; ggml treats it as a number, and so does this table. */
const mxScale = Float64Array.from({ length: 256 }, (_, e) => 2 ** (e - 128));

export const MXFP4 = codec('MXFP4', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 17, to += 32) {
    const d = mxScale[src[at]];
    for (let j = 0; j < 16; j++) {
      const q = src[at + 1 + j];
      dst[to + j] = d * F4[q & 15];
      dst[to + j + 16] = d * F4[q >> 4];
    }
  }
});

/**
 * Half the value of a UE4M3 scale (four exponent bits with bias 7, three of mantissa). Bit 7 is not a sign; 0x7f is zero;
 * other codes with bit 7 set count as the code without it.
 */
export function nvScale(x: number): number {
  if (x === 0x7f) return 0;
  const e = (x >> 3) & 15;
  const m = x & 7;
  return e === 0 ? m * 2 ** -10 : (8 + m) * 2 ** (e - 11);
}

export const NVFP4 = codec('NVFP4', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 36, to += 64) {
    for (let s = 0; s < 4; s++) {
      const d = nvScale(src[at + s]);
      for (let j = 0; j < 8; j++) {
        const q = src[at + 4 + 8 * s + j];
        dst[to + 16 * s + j] = d * F4[q & 15];
        dst[to + 16 * s + j + 8] = d * F4[q >> 4];
      }
    }
  }
});
