/**
 * @file One to two bits a value with one scale: Q1_0, Q2_0, TQ1_0, TQ2_0. Layouts: `src/tensor/codecs/low-bits.ts`.
 */
import { emit16, f16 } from './blocks';

export function unpackQ1_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 128) {
    const d = f16(from);
    for (let j: usize = 0; j < 128; j++) {
      store<f32>(to, (load<u8>(from + (j >> 3), 2) >> <u8>(j & 7)) & 1 ? d : -d);
      to += 4;
    }
    from += 18;
  }
}

export function unpackQ2_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 64) {
    const d = f16(from);
    for (let j: usize = 0; j < 64; j++) {
      const q = (<i32>load<u8>(from + (j >> 2), 2) >> 2 * <i32>(j & 3)) & 3;
      store<f32>(to, d * <f32>(q - 1));
      to += 4;
    }
    from += 18;
  }
}

export function unpackTQ2_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from + 64);
    for (let j = 0; j < 16; j++) {
      const q = v128.load(from + <usize>(32 * (j >> 3) + 16 * (j & 1)));
      emit16(i8x16.sub(v128.and(i8x16.shr_u(q, j & 6), i8x16.splat(3)), i8x16.splat(1)), d, 0, to);
      to += 64;
    }
    from += 66;
  }
}

/** Trits `from` the `n` bytes at `p`: the first of each byte, then the second of each … */
function trits(p: usize, n: i32, perByte: i32, d: f32, to: usize): usize {
  let power = 1;
  for (let trit = 0; trit < perByte; trit++) {
    for (let m = 0; m < n; m++) {
      const rest = (<i32>load<u8>(p + <usize>m) * power) & 255;
      store<f32>(to, d * <f32>(((rest * 3) >> 8) - 1));
      to += 4;
    }
    power *= 3;
  }
  return to;
}

export function unpackTQ1_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    const d = f16(from + 52);
    to = trits(from, 32, 5, d, to);
    to = trits(from + 32, 16, 5, d, to);
    to = trits(from + 48, 4, 4, d, to);
    from += 54;
  }
}
