/**
 * @file The hot loop of `fast` for Q4_K on engines without a full 8-bit dot product: int8 activations times the file's own 4 bits.
 *
 * A sum of 32 products of an int8 and a number up to 15 fits in two int16: |Σ| ≤ 16 · 127 · 15 each. That is one sub-block of Q4_K. Only
 * then are sums multiplied with the sub-block's 6-bit scale, which also widens them to int32 (`scaleTileK4`). Two instructions compute as
 * many products as four do in int16. The result is exact on every engine: 15 needs four of the seven bits that WebAssembly guarantees.
 */
import { STRIP_BYTES } from './epilogue';

/**
 * 4 rows × 16 columns, sums of each sub-block of 32 values in pairs: int16 `[row][column][2]` at `t`, `t + STRIP_BYTES` ….
 * @param a int8 `[k/4][row][4]`, |a| ≤ 127
 * @param w `[k/4][column][4]`, 0 … 15
 * @param k4 number of values, a multiple of 32
 * `unreachable` in the module without relaxed SIMD.
 */
export function tileK4x4x16(a: usize, w: usize, t: usize, k4: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable();
  else {
    const end = a + (k4 << 2);
    do {
      let x00 = i16x8.splat(0), x01 = i16x8.splat(0), x02 = i16x8.splat(0), x03 = i16x8.splat(0);
      let x10 = i16x8.splat(0), x11 = i16x8.splat(0), x12 = i16x8.splat(0), x13 = i16x8.splat(0);
      let x20 = i16x8.splat(0), x21 = i16x8.splat(0), x22 = i16x8.splat(0), x23 = i16x8.splat(0);
      let x30 = i16x8.splat(0), x31 = i16x8.splat(0), x32 = i16x8.splat(0), x33 = i16x8.splat(0);
      const stop = a + 128;
      do {
        const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
        let v = v128.load32_splat(a);
        x00 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x00); x01 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x01);
        x02 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w2), x02); x03 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w3), x03);
        v = v128.load32_splat(a, 4);
        x10 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x10); x11 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x11);
        x12 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w2), x12); x13 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w3), x13);
        v = v128.load32_splat(a, 8);
        x20 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x20); x21 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x21);
        x22 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w2), x22); x23 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w3), x23);
        v = v128.load32_splat(a, 12);
        x30 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x30); x31 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x31);
        x32 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w2), x32); x33 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w3), x33);
        w += 64;
        a += 16;
      } while (a < stop);
      v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
      v128.store(t, x10, 64); v128.store(t, x11, 80); v128.store(t, x12, 96); v128.store(t, x13, 112);
      v128.store(t, x20, 128); v128.store(t, x21, 144); v128.store(t, x22, 160); v128.store(t, x23, 176);
      v128.store(t, x30, 192); v128.store(t, x31, 208); v128.store(t, x32, 224); v128.store(t, x33, 240);
      t += STRIP_BYTES;
    } while (a < end);
  }
}
