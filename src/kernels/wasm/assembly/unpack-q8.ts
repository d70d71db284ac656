/**
 * @file Q8_0: 32 signed bytes and an f16 scale.
 */
import { f16 } from './unpack';

/** Eight signed bytes at `p` times `d` to `to`. */
// @ts-ignore: decorator
@inline
export function scaleBytes8(p: usize, d: v128, to: usize): void {
  const v = v128.load8x8_s(p);
  v128.store(to, f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v))));
  v128.store(to, f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v))), 16);
}

export function unpackQ8_0(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 32) {
    const d = f32x4.splat(f16(from));
    scaleBytes8(from + 2, d, to);
    scaleBytes8(from + 10, d, to + 32);
    scaleBytes8(from + 18, d, to + 64);
    scaleBytes8(from + 26, d, to + 96);
    from += 34; to += 128;
  }
}
