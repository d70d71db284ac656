/**
 * @file Shared by the unpackers: half floats, and small integers times a scale. The product of a scale and a small integer is exact in
 * float32, so each value is rounded once, as in `src/tensor/codecs`.
 */
import { F16_MAGNITUDE, F16_SCALE, F16_SIGN, F16_SPECIAL, INFINITY_BITS, constant } from './math';

/** Converts four f16 in the low halves of int32 lanes to float32. Multiplying by 2¹¹² moves the exponent and makes subnormals correct. */
@inline
export function f16x4(h: v128): v128 {
  const sign = i32x4.shl(v128.and(h, constant(F16_SIGN)), 16);
  const magnitude = i32x4.shl(v128.and(h, constant(F16_MAGNITUDE)), 13);
  const finite = f32x4.mul(magnitude, constant(F16_SCALE));
  const special = v128.and(i32x4.ge_u(magnitude, constant(F16_SPECIAL)), constant(INFINITY_BITS));
  return v128.or(v128.or(finite, special), sign);
}

/** The f16 with these bits. */
export function f16OfBits(bits: i32): f32 {
  return f32x4.extract_lane(f16x4(i32x4.splat(bits)), 0);
}

/** The f16 at `p`. */
@inline
export function f16(p: usize): f32 {
  return f16OfBits(<i32>load<u16>(p));
}

/** `d · q + m` for eight int16 to `to`. */
@inline
export function emit8(q: v128, d: v128, m: v128, to: usize): void {
  v128.store(to, f32x4.add(f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(q))), m));
  v128.store(to, f32x4.add(f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(q))), m), 16);
}

/** `d · q + m` for sixteen int8 to `to`. */
@inline
export function emit16(q: v128, d: f32, m: f32, to: usize): void {
  const dd = f32x4.splat(d), mm = f32x4.splat(m);
  emit8(i16x8.extend_low_i8x16_s(q), dd, mm, to);
  emit8(i16x8.extend_high_i8x16_s(q), dd, mm, to + 32);
}

/** The low halves of sixteen bytes. */
@inline
export function lowNibbles(v: v128): v128 {
  return v128.and(v, i8x16.splat(15));
}

/** The high halves of sixteen bytes. */
@inline
export function highNibbles(v: v128): v128 {
  return i8x16.shr_u(v, 4);
}

/** Bytes of all ones where `bit` of the byte is set. */
@inline
export function whereBit(v: v128, bit: i32): v128 {
  return i8x16.ne(v128.and(v, i8x16.splat((<i8>1) << <i8>bit)), i8x16.splat(0));
}
