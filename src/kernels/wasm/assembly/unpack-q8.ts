/**
 * @file Signed bytes with one scale: Q8_0, Q8_1, Q8_K. Layouts: `src/tensor/codecs/q8.ts`.
 */
import { emit8, f16 } from './blocks';

function bytes(from: usize, n: i32, d: f32, to: usize): void {
  const scale = f32x4.splat(d);
  for (let i = 0; i < n; i += 8) {
    emit8(v128.load8x8_s(from), scale, f32x4.splat(0), to);
    from += 8; to += 32;
  }
}

export function unpackQ8_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    bytes(from + 2, 32, f16(from), to);
    from += 34; to += 128;
  }
}

export function unpackQ8_1(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    bytes(from + 4, 32, f16(from), to);
    from += 36; to += 128;
  }
}

export function unpackQ8_K(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 256) {
    bytes(from + 4, 256, load<f32>(from), to);
    from += 292; to += 1024;
  }
}
