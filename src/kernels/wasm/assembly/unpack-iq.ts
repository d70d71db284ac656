/**
 * @file The grid types: IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S. Layouts: `src/tensor/codecs/iq1.ts`, `iq2.ts`, `iq3.ts`.
 * `src/kernels/wasm/grids.ts` writes the grids to memory as bytes.
 */
import { emit8, f16, f16OfBits } from './blocks';

/** Expands seven bits to all eight signs: the number of negative values is even. */
@inline
function evenSigns(seven: i32): i32 {
  return seven | ((popcnt(seven) & 1) << 7);
}

/** Negates those of eight int16 whose bit in `signs` is set. */
@inline
function applySigns(v: v128, signs: i32): v128 {
  const bits = i16x8(1, 2, 4, 8, 16, 32, 64, 128);
  const mask = i16x8.eq(v128.and(i16x8.splat(<i16>signs), bits), bits);
  return i16x8.sub(v128.xor(v, mask), mask);
}

/** Eight values: the grid entry times `scale`, with signs. */
@inline
function octet(grid: usize, index: i32, signs: i32, scale: f32, to: usize): void {
  emit8(applySigns(v128.load8x8_s(grid + (<usize>index << 3)), signs), f32x4.splat(scale), f32x4.splat(0), to);
}

export function unpackIQ2_XXS(from: usize, to: usize, n: i32, grid: usize): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from);
    for (let b: usize = 0; b < 8; b++) {
      const word = load<u32>(from + 8 * b, 6);
      const scale = d * (0.5 + <f32>(word >> 28)) * 0.25;
      for (let l: usize = 0; l < 4; l++) {
        octet(grid, <i32>load<u8>(from + 8 * b + l, 2), evenSigns((word >> <u32>7 * <u32>l) & 127), scale, to);
        to += 32;
      }
    }
    from += 66;
  }
}

/** Scale of octets `l` of a group, from its byte of scales. */
@inline
function octetScale(d: f32, scales: i32, l: usize): f32 {
  return d * (0.5 + <f32>((scales >> (l < 2 ? 0 : 4)) & 15)) * 0.25;
}

export function unpackIQ2_XS(from: usize, to: usize, n: i32, grid: usize): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from);
    for (let b: usize = 0; b < 8; b++) {
      for (let l: usize = 0; l < 4; l++) {
        const word = <i32>load<u16>(from + 8 * b + 2 * l, 2);
        octet(grid, word & 511, evenSigns(word >> 9), octetScale(d, <i32>load<u8>(from + b, 66), l), to);
        to += 32;
      }
    }
    from += 74;
  }
}

export function unpackIQ2_S(from: usize, to: usize, n: i32, grid: usize): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from);
    for (let b: usize = 0; b < 8; b++) {
      const high = <i32>load<u8>(from + b, 66);
      for (let l: usize = 0; l < 4; l++) {
        const at = from + 4 * b + l;
        const index = <i32>load<u8>(at, 2) | (((high >> 2 * <i32>l) & 3) << 8);
        octet(grid, index, <i32>load<u8>(at, 34), octetScale(d, <i32>load<u8>(from + b, 74), l), to);
        to += 32;
      }
    }
    from += 82;
  }
}

/** Eight values: two grid entries of four, with signs. */
@inline
function quartets(grid: usize, first: i32, second: i32, signs: i32, scale: f32, to: usize): void {
  const v = i32x4.replace_lane(v128.load32_zero(grid + (<usize>first << 2)), 1, load<i32>(grid + (<usize>second << 2)));
  emit8(applySigns(i16x8.extend_low_i8x16_s(v), signs), f32x4.splat(scale), f32x4.splat(0), to);
}

export function unpackIQ3_XXS(from: usize, to: usize, n: i32, grid: usize): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from);
    for (let b: usize = 0; b < 8; b++) {
      const word = load<u32>(from + 4 * b, 66);
      const scale = d * (0.5 + <f32>(word >> 28)) * 0.5;
      for (let l: usize = 0; l < 4; l++) {
        const at = from + 8 * b + 2 * l;
        quartets(grid, <i32>load<u8>(at, 2), <i32>load<u8>(at, 3), evenSigns((word >> <u32>7 * <u32>l) & 127), scale, to);
        to += 32;
      }
    }
    from += 98;
  }
}

export function unpackIQ3_S(from: usize, to: usize, n: i32, grid: usize): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from);
    for (let b: usize = 0; b < 8; b++) {
      const steps = 1 + 2 * ((<i32>load<u8>(from + (b >> 1), 106) >> (4 * <i32>(b & 1))) & 15);
      const scale = d * <f32>steps;
      const high = <i32>load<u8>(from + b, 66);
      for (let l: usize = 0; l < 4; l++) {
        const at = from + 8 * b + 2 * l, shift = 2 * <i32>l;
        const first = <i32>load<u8>(at, 2) | (((high >> shift) & 1) << 8);
        const second = <i32>load<u8>(at, 3) | (((high >> (shift + 1)) & 1) << 8);
        quartets(grid, first, second, <i32>load<u8>(from + 4 * b + l, 74), scale, to);
        to += 32;
      }
    }
    from += 110;
  }
}

/** Eight values: the grid entry moved by an eighth. Eight times the grid and ±1 are integers; the scale is divided instead. */
@inline
function moved(grid: usize, index: i32, down: i32, scale: f32, to: usize): void {
  const v = i16x8.shl(v128.load8x8_s(grid + (<usize>index << 3)), 3);
  emit8(i16x8.add(v, i16x8.splat(down ? -1 : 1)), f32x4.splat(scale * 0.125), f32x4.splat(0), to);
}

export function unpackIQ1_S(from: usize, to: usize, n: i32, grid: usize): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from);
    for (let b: usize = 0; b < 8; b++) {
      const qh = <i32>load<u16>(from + 2 * b, 34);
      const steps = 2 * ((qh >> 12) & 7) + 1;
      const scale = d * <f32>steps;
      for (let l: usize = 0; l < 4; l++) {
        const index = <i32>load<u8>(from + 4 * b + l, 2) | (((qh >> 3 * <i32>l) & 7) << 8);
        moved(grid, index, qh & 0x8000, scale, to);
        to += 32;
      }
    }
    from += 50;
  }
}

export function unpackIQ1_M(from: usize, to: usize, n: i32, grid: usize): void {
  for (let i = 0; i < n; i += 256) {
    const s0 = <i32>load<u16>(from, 48), s1 = <i32>load<u16>(from, 50), s2 = <i32>load<u16>(from, 52), s3 = <i32>load<u16>(from, 54);
    const d = f16OfBits((s0 >> 12) | ((s1 >> 8) & 0xf0) | ((s2 >> 4) & 0xf00) | (s3 & 0xf000));
    for (let b: usize = 0; b < 8; b++) {
      const packed = <i32>load<u16>(from + 2 * (b >> 1), 48) >> (6 * <i32>(b & 1));
      for (let l: usize = 0; l < 4; l++) {
        const steps = 2 * ((packed >> (l < 2 ? 0 : 3)) & 7) + 1;
        const scale = d * <f32>steps;
        const high = <i32>load<u8>(from + 2 * b + (l >> 1), 32) >> (4 * <i32>(l & 1));
        moved(grid, <i32>load<u8>(from + 4 * b + l) | ((high & 7) << 8), high & 8, scale, to);
        to += 32;
      }
    }
    from += 56;
  }
}
