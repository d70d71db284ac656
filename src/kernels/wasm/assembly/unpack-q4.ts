/**
 * @file Four and five bits a value: Q4_0, Q4_1, Q5_0, Q5_1, and the table types IQ4_NL, IQ4_XS, MXFP4, NVFP4.
 * Layouts: `src/tensor/codecs/q4-q5.ts`, `iq4.ts`, `fp4.ts`.
 */
import { emit16, emit8, f16, highNibbles, lowNibbles } from './blocks';

export function unpackQ4_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    const d = f16(from), q = v128.load(from, 2);
    emit16(i8x16.sub(lowNibbles(q), i8x16.splat(8)), d, 0, to);
    emit16(i8x16.sub(highNibbles(q), i8x16.splat(8)), d, 0, to + 64);
    from += 18; to += 128;
  }
}

export function unpackQ4_1(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    const d = f16(from), m = f16(from + 2), q = v128.load(from, 4);
    emit16(lowNibbles(q), d, m, to);
    emit16(highNibbles(q), d, m, to + 64);
    from += 20; to += 128;
  }
}

/** 16 where bit j of `bits` is set, for the sixteen bits from byte `first` on. */
@inline
export function fifthBits(bits: i32, second: bool): v128 {
  const v = i32x4.splat(bits);
  const spread = second
    ? i8x16.swizzle(v, i8x16(2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3))
    : i8x16.swizzle(v, i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const mask = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return v128.and(i8x16.eq(v128.and(spread, mask), mask), i8x16.splat(16));
}

export function unpackQ5_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    const d = f16(from), high = load<i32>(from, 2), q = v128.load(from, 6);
    emit16(i8x16.sub(v128.or(lowNibbles(q), fifthBits(high, false)), i8x16.splat(16)), d, 0, to);
    emit16(i8x16.sub(v128.or(highNibbles(q), fifthBits(high, true)), i8x16.splat(16)), d, 0, to + 64);
    from += 22; to += 128;
  }
}

export function unpackQ5_1(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    const d = f16(from), m = f16(from + 2), high = load<i32>(from, 4), q = v128.load(from, 8);
    emit16(v128.or(lowNibbles(q), fifthBits(high, false)), d, m, to);
    emit16(v128.or(highNibbles(q), fifthBits(high, true)), d, m, to + 64);
    from += 24; to += 128;
  }
}

/** The sixteen values of IQ4_NL and IQ4_XS. */
@inline
function uneven(q: v128): v128 {
  return i8x16.swizzle(i8x16(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113), q);
}

export function unpackIQ4_NL(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    const d = f16(from), q = v128.load(from, 2);
    emit16(uneven(lowNibbles(q)), d, 0, to);
    emit16(uneven(highNibbles(q)), d, 0, to + 64);
    from += 18; to += 128;
  }
}

export function unpackIQ4_XS(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from), high = <i32>load<u16>(from, 2);
    for (let b = 0; b < 8; b++) {
      const low = (<i32>load<u8>(from + <usize>(b >> 1), 4) >> (4 * (b & 1))) & 15;
      const scale = d * <f32>((low | (((high >> (2 * b)) & 3) << 4)) - 32);
      const q = v128.load(from + <usize>(16 * b), 8);
      emit16(uneven(lowNibbles(q)), scale, 0, to);
      emit16(uneven(highNibbles(q)), scale, 0, to + 64);
      to += 128;
    }
    from += 136;
  }
}

/** The sixteen four-bit floats, doubled. */
@inline
export function float4(q: v128): v128 {
  return i8x16.swizzle(i8x16(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12), q);
}

/** 2^(e − 128), also where that is subnormal. */
@inline
export function powerOfTwo(e: i32): f32 {
  return e > 1 ? reinterpret<f32>((e - 1) << 23) : reinterpret<f32>(0x00200000 << e);
}

export function unpackMXFP4(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    const d = powerOfTwo(<i32>load<u8>(from)), q = v128.load(from, 1);
    emit16(float4(lowNibbles(q)), d, 0, to);
    emit16(float4(highNibbles(q)), d, 0, to + 64);
    from += 17; to += 128;
  }
}

/** Half the value of a UE4M3 scale; see `nvScale` of the codec. */
function nvScale(x: i32): f32 {
  if (x == 0x7f) return 0;
  const e = (x >> 3) & 15, m = x & 7, whole = m + 8;
  return e == 0 ? <f32>m * 0.0009765625 : <f32>whole * reinterpret<f32>((e + 116) << 23);
}

export function unpackNVFP4(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 64) {
    for (let s: usize = 0; s < 4; s++) {
      const d = f32x4.splat(nvScale(<i32>load<u8>(from + s)));
      const q = v128.load64_zero(from + 8 * s, 4);
      emit8(i16x8.extend_low_i8x16_s(float4(lowNibbles(q))), d, f32x4.splat(0), to);
      emit8(i16x8.extend_low_i8x16_s(float4(highNibbles(q))), d, f32x4.splat(0), to + 32);
      to += 64;
    }
    from += 36;
  }
}
