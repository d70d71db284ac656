/**
 * @file Eight-bit integers with one scale: Q8_0 (stored in files), and Q8_1 and Q8_K. llama.cpp uses the last two for activations inside
 * its products; model files are not expected to hold them.
 *
 * ```
 * Q8_0  32 values, 34 bytes   @0 f16 d   @2 i8 q[32]                                y = d·q
 * Q8_1  32 values, 36 bytes   @0 f16 d   @2 f16 s = d·Σq   @4 i8 q[32]              y = d·q
 * Q8_K 256 values, 292 bytes  @0 f32 d   @4 i8 q[256]   @260 i16 sums of 16 q [16]  y = d·q
 * ```
 */
import { codec, i32, putU16, u16 } from './codec.ts';
import { f16ToF32, f32ToF16 } from './half.ts';
import { nearest } from './search.ts';

const int8 = (src: Uint8Array) => new Int8Array(src.buffer, src.byteOffset, src.byteLength);

export const Q8_0 = codec(
  'Q8_0',
  (src, dst, n) => {
    const q = int8(src);
    for (let at = 0, to = 0; to < n; at += 34, to += 32) {
      const d = f16ToF32(u16(src, at));
      for (let j = 0; j < 32; j++) dst[to + j] = d * q[at + 2 + j];
    }
  },
  (src, dst, n) => {
    for (let at = 0, from = 0; from < n; at += 34, from += 32) {
      let max = 0;
      for (let j = 0; j < 32; j++) max = Math.max(max, Math.abs(src[from + j]));
      // The scale is rounded first, so that values become multiples of the stored scale and not of the unrounded one.
      const h = f32ToF16(max / 127);
      const d = f16ToF32(h);
      const inverse = d === 0 ? 0 : 1 / d;
      putU16(dst, at, h);
      for (let j = 0; j < 32; j++) {
        dst[at + 2 + j] = nearest(src[from + j] * inverse, -127, 127);
      }
    }
  },
);

export const Q8_1 = codec('Q8_1', (src, dst, n) => {
  const q = int8(src);
  for (let at = 0, to = 0; to < n; at += 36, to += 32) {
    const d = f16ToF32(u16(src, at));
    for (let j = 0; j < 32; j++) dst[to + j] = d * q[at + 4 + j];
  }
});

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

export const Q8_K = codec('Q8_K', (src, dst, n) => {
  const q = int8(src);
  for (let at = 0, to = 0; to < n; at += 292, to += 256) {
    bits[0] = i32(src, at);
    const d = float[0];
    for (let j = 0; j < 256; j++) dst[to + j] = d * q[at + 4 + j];
  }
});
