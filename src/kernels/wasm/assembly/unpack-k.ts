/**
 * @file The K types: Q2_K … Q6_K. Layouts: `src/tensor/codecs/k-quants.ts`.
 */
import { emit16, f16, highNibbles, lowNibbles, whereBit } from './blocks';

export function unpackQ2_K(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from + 80), dmin = f16(from + 82);
    for (let group = 0; group < 16; group++) {
      const s = <i32>load<u8>(from + <usize>group);
      const q = v128.load(from + <usize>(32 * (group >> 3) + 16 * (group & 1)), 16);
      emit16(v128.and(i8x16.shr_u(q, group & 6), i8x16.splat(3)), d * <f32>(s & 15), -dmin * <f32>(s >> 4), to);
      to += 64;
    }
    from += 84;
  }
}

export function unpackQ3_K(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from + 108), scales = from + 96;
    for (let group = 0; group < 16; group++) {
      const low = (<i32>load<u8>(scales + <usize>(group & 7)) >> (group < 8 ? 0 : 4)) & 15;
      const high = (<i32>load<u8>(scales + <usize>(group & 3), 8) >> (2 * (group >> 2))) & 3;
      const odd = <usize>(16 * (group & 1));
      const q = v128.and(i8x16.shr_u(v128.load(from + <usize>(32 * (group >> 3)) + odd, 32), group & 6), i8x16.splat(3));
      const clear = v128.not(whereBit(v128.load(from + odd), group >> 1));
      emit16(i8x16.sub(q, v128.and(clear, i8x16.splat(4))), d * <f32>((low | (high << 4)) - 32), 0, to);
      to += 64;
    }
    from += 110;
  }
}

/** Six-bit scale of group 0…7 in the twelve bytes at `p` of Q4_K and Q5_K. */
export function scaleK4(p: usize, group: usize): f32 {
  if (group < 4) return <f32>(<i32>load<u8>(p + group) & 63);
  return <f32>((<i32>load<u8>(p + group, 4) & 15) | ((<i32>load<u8>(p + group - 4) >> 6) << 4));
}

/** Six-bit minimum of group 0…7, as `scaleK4`. */
export function minK4(p: usize, group: usize): f32 {
  if (group < 4) return <f32>(<i32>load<u8>(p + group, 4) & 63);
  return <f32>((<i32>load<u8>(p + group, 4) >> 4) | ((<i32>load<u8>(p + group) >> 6) << 4));
}

export function unpackQ4_K(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from), dmin = f16(from + 2);
    for (let pair: usize = 0; pair < 4; pair++) {
      const q0 = v128.load(from + 32 * pair, 16), q1 = v128.load(from + 32 * pair, 32);
      const s0 = d * scaleK4(from + 4, 2 * pair), m0 = -dmin * minK4(from + 4, 2 * pair);
      const s1 = d * scaleK4(from + 4, 2 * pair + 1), m1 = -dmin * minK4(from + 4, 2 * pair + 1);
      emit16(lowNibbles(q0), s0, m0, to);
      emit16(lowNibbles(q1), s0, m0, to + 64);
      emit16(highNibbles(q0), s1, m1, to + 128);
      emit16(highNibbles(q1), s1, m1, to + 192);
      to += 256;
    }
    from += 144;
  }
}

/** 16 in the bytes in which `bit` is set. */
@inline
export function fifth(high: v128, bit: i32): v128 {
  return v128.and(whereBit(high, bit), i8x16.splat(16));
}

export function unpackQ5_K(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from), dmin = f16(from + 2);
    const h0 = v128.load(from, 16), h1 = v128.load(from, 32);
    for (let pair = 0; pair < 4; pair++) {
      const at = from + <usize>(32 * pair), group = <usize>(2 * pair);
      const q0 = v128.load(at, 48), q1 = v128.load(at, 64);
      const s0 = d * scaleK4(from + 4, group), m0 = -dmin * minK4(from + 4, group);
      const s1 = d * scaleK4(from + 4, group + 1), m1 = -dmin * minK4(from + 4, group + 1);
      emit16(v128.or(lowNibbles(q0), fifth(h0, 2 * pair)), s0, m0, to);
      emit16(v128.or(lowNibbles(q1), fifth(h1, 2 * pair)), s0, m0, to + 64);
      emit16(v128.or(highNibbles(q0), fifth(h0, 2 * pair + 1)), s1, m1, to + 128);
      emit16(v128.or(highNibbles(q1), fifth(h1, 2 * pair + 1)), s1, m1, to + 192);
      to += 256;
    }
    from += 176;
  }
}

/** The six bits of group 0…15 of a block of Q6_K. */
@inline
export function codes6(block: usize, group: i32): v128 {
  const half = group >> 3, j = (group >> 1) & 3, odd = 16 * (group & 1);
  const low = v128.load(block + <usize>(64 * half + 32 * (j & 1) + odd));
  const high = v128.load(block + <usize>(32 * half + odd), 128);
  const bits = i8x16.shl(v128.and(i8x16.shr_u(high, 2 * j), i8x16.splat(3)), 4);
  return v128.or(j < 2 ? lowNibbles(low) : highNibbles(low), bits);
}

export function unpackQ6_K(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from + 208);
    for (let group = 0; group < 16; group++) {
      const q = codes6(from, group);
      emit16(i8x16.sub(q, i8x16.splat(32)), d * <f32>load<i8>(from + <usize>group, 192), 0, to);
      to += 64;
    }
    from += 210;
  }
}
