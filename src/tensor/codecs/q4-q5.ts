/**
 * @file Four and five bits a value in blocks of 32, the oldest types: Q4_0 and Q5_0 (scale only, signed), Q4_1 and
 * Q5_1 (scale and offset).
 *
 * Byte `j` of `qs` holds the low four bits of value `j` in its low half and of value `j + 16` in its high half. The
 * fifth bits are in `qh`: bit `j` belongs to value `j`.
 * ```
 * Q4_0  18 bytes  @0 f16 d              @2 u8 qs[16]               y = d·(q − 8)
 * Q4_1  20 bytes  @0 f16 d   @2 f16 m   @4 u8 qs[16]               y = d·q + m
 * Q5_0  22 bytes  @0 f16 d              @2 u32 qh   @6 u8 qs[16]   y = d·(q − 16)
 * Q5_1  24 bytes  @0 f16 d   @2 f16 m   @4 u32 qh   @8 u8 qs[16]   y = d·q + m
 * ```
 */
import { codec, i32, u16 } from './codec.ts';
import { f16ToF32 } from './half.ts';
import { quantizeQ4_0, quantizeQ4_1, quantizeQ5_0, quantizeQ5_1 } from './q4-q5.quantize.ts';

export const Q4_0 = codec(
  'Q4_0',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 18, to += 32) {
      const d = f16ToF32(u16(src, at));
      for (let j = 0; j < 16; j++) {
        const q = src[at + 2 + j];
        dst[to + j] = d * ((q & 15) - 8);
        dst[to + j + 16] = d * ((q >> 4) - 8);
      }
    }
  },
  quantizeQ4_0,
);

export const Q4_1 = codec(
  'Q4_1',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 20, to += 32) {
      const d = f16ToF32(u16(src, at));
      const m = f16ToF32(u16(src, at + 2));
      for (let j = 0; j < 16; j++) {
        const q = src[at + 4 + j];
        dst[to + j] = d * (q & 15) + m;
        dst[to + j + 16] = d * (q >> 4) + m;
      }
    }
  },
  quantizeQ4_1,
);

export const Q5_0 = codec(
  'Q5_0',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 22, to += 32) {
      const d = f16ToF32(u16(src, at));
      const qh = i32(src, at + 2);
      for (let j = 0; j < 16; j++) {
        const q = src[at + 6 + j];
        dst[to + j] = d * (((q & 15) | (((qh >> j) & 1) << 4)) - 16);
        dst[to + j + 16] = d * (((q >> 4) | (((qh >> (j + 16)) & 1) << 4)) - 16);
      }
    }
  },
  quantizeQ5_0,
);

export const Q5_1 = codec(
  'Q5_1',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 24, to += 32) {
      const d = f16ToF32(u16(src, at));
      const m = f16ToF32(u16(src, at + 2));
      const qh = i32(src, at + 4);
      for (let j = 0; j < 16; j++) {
        const q = src[at + 8 + j];
        dst[to + j] = d * ((q & 15) | (((qh >> j) & 1) << 4)) + m;
        dst[to + j + 16] = d * ((q >> 4) | (((qh >> (j + 16)) & 1) << 4)) + m;
      }
    }
  },
  quantizeQ5_1,
);
