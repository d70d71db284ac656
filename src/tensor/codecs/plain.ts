/**
 * @file The types without blocks: F32, F16, BF16, F64 and the integers I8, I16, I32, I64 (all little-endian).
 *
 * ```
 * F32  4 bytes  bit 31 sign, 30…23 exponent, 22…0 mantissa    I8   1 byte   two's complement
 * F16  2 bytes  bit 15 sign, 14…10 exponent,  9…0 mantissa    I16  2 bytes  two's complement
 * BF16 2 bytes  bit 15 sign, 14…7  exponent,  6…0 mantissa    I32  4 bytes  two's complement
 * F64  8 bytes  bit 63 sign, 62…52 exponent, 51…0 mantissa    I64  8 bytes  two's complement
 * ```
 * F64, I32 and I64 hold values that float32 cannot represent; these are rounded to the nearest float32.
 */
import { codec, putU16, u16 } from './codec.ts';
import { f16ToF32, f32ToBf16, f32ToF16 } from './half.ts';

const view = (src: Uint8Array) => new DataView(src.buffer, src.byteOffset, src.byteLength);

export const F32 = codec(
  'F32',
  (src, dst, n) => new Uint8Array(dst.buffer, dst.byteOffset, 4 * n).set(src.subarray(0, 4 * n)),
  (src, dst, n) => dst.set(new Uint8Array(src.buffer, src.byteOffset, 4 * n)),
);

export const F16 = codec(
  'F16',
  (src, dst, n) => {
    for (let i = 0; i < n; i++) dst[i] = f16ToF32(u16(src, 2 * i));
  },
  (src, dst, n) => {
    for (let i = 0; i < n; i++) putU16(dst, 2 * i, f32ToF16(src[i]));
  },
);

export const BF16 = codec(
  'BF16',
  (src, dst, n) => {
    const bits = new Uint32Array(dst.buffer, dst.byteOffset, n);
    for (let i = 0; i < n; i++) bits[i] = (src[2 * i] << 16) | (src[2 * i + 1] << 24);
  },
  (src, dst, n) => {
    for (let i = 0; i < n; i++) putU16(dst, 2 * i, f32ToBf16(src[i]));
  },
);

export const F64 = codec('F64', (src, dst, n) => {
  const values = view(src);
  for (let i = 0; i < n; i++) dst[i] = values.getFloat64(8 * i, true);
});

export const I8 = codec('I8', (src, dst, n) => {
  for (let i = 0; i < n; i++) dst[i] = (src[i] << 24) >> 24;
});

export const I16 = codec('I16', (src, dst, n) => {
  const values = view(src);
  for (let i = 0; i < n; i++) dst[i] = values.getInt16(2 * i, true);
});

export const I32 = codec('I32', (src, dst, n) => {
  const values = view(src);
  for (let i = 0; i < n; i++) dst[i] = values.getInt32(4 * i, true);
});

export const I64 = codec('I64', (src, dst, n) => {
  const values = view(src);
  for (let i = 0; i < n; i++) dst[i] = i64ToF32(values.getBigInt64(8 * i, true));
});

/**
 * The float32 nearest to `x`. The conversion passes through a double and must not round twice. The bits that a double cannot hold only
 * matter as zero or not zero, so they are folded into one bit.
 */
function i64ToF32(x: bigint): number {
  const magnitude = x < 0n ? -x : x;
  if (magnitude >> 53n === 0n) return Number(x);
  const folded = ((magnitude >> 11n) | BigInt((magnitude & 0x7ffn) !== 0n)) << 11n;
  return Math.fround(Number(x < 0n ? -folded : folded));
}
