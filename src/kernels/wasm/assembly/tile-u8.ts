/**
 * @file The hot loop of `fast` on engines with a full 8-bit dot product: unsigned activations times int8 weights.
 *
 * Activations are in groups of 4 rows, `[k/4][row][4]`, weights in panels `[k/4][column][4]`: the int16 tile's layout with four values in
 * 32 bits instead of two. WebAssembly guarantees exact sums only for activations up to 127; V8 accepts 0 … 255 on CPUs with AVX-VNNI. A
 * probe finds out which applies (`dot8.ts`).
 */

/** 4 rows × 16 columns; `k4` is the number of values. `unreachable` in the module without relaxed SIMD. */
export function tileU8x4x16(a: usize, w: usize, t: usize, k4: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable();
  else {
    let x00 = i32x4.splat(0), x01 = i32x4.splat(0), x02 = i32x4.splat(0), x03 = i32x4.splat(0);
    let x10 = i32x4.splat(0), x11 = i32x4.splat(0), x12 = i32x4.splat(0), x13 = i32x4.splat(0);
    let x20 = i32x4.splat(0), x21 = i32x4.splat(0), x22 = i32x4.splat(0), x23 = i32x4.splat(0);
    let x30 = i32x4.splat(0), x31 = i32x4.splat(0), x32 = i32x4.splat(0), x33 = i32x4.splat(0);
    const end = a + (k4 << 2);
    do {
      const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
      let v = v128.load32_splat(a);
      x00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x00); x01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x01);
      x02 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x02); x03 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x03);
      v = v128.load32_splat(a, 4);
      x10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x10); x11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x11);
      x12 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x12); x13 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x13);
      v = v128.load32_splat(a, 8);
      x20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x20); x21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x21);
      x22 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x22); x23 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x23);
      v = v128.load32_splat(a, 12);
      x30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x30); x31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x31);
      x32 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x32); x33 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x33);
      w += 64;
      a += 16;
    } while (a < end);
    v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
    v128.store(t, x10, 64); v128.store(t, x11, 80); v128.store(t, x12, 96); v128.store(t, x13, 112);
    v128.store(t, x20, 128); v128.store(t, x21, 144); v128.store(t, x22, 160); v128.store(t, x23, 176);
    v128.store(t, x30, 192); v128.store(t, x31, 208); v128.store(t, x32, 224); v128.store(t, x33, 240);
  }
}

/** 6 rows × 16 columns: the first two of the group at `b` after the four of the group at `a`; to `ta` and `tb`. */
export function tileU8x6x16(a: usize, b: usize, w: usize, ta: usize, tb: usize, k4: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable();
  else {
    let x00 = i32x4.splat(0), x01 = i32x4.splat(0), x02 = i32x4.splat(0), x03 = i32x4.splat(0);
    let x10 = i32x4.splat(0), x11 = i32x4.splat(0), x12 = i32x4.splat(0), x13 = i32x4.splat(0);
    let x20 = i32x4.splat(0), x21 = i32x4.splat(0), x22 = i32x4.splat(0), x23 = i32x4.splat(0);
    let x30 = i32x4.splat(0), x31 = i32x4.splat(0), x32 = i32x4.splat(0), x33 = i32x4.splat(0);
    let x40 = i32x4.splat(0), x41 = i32x4.splat(0), x42 = i32x4.splat(0), x43 = i32x4.splat(0);
    let x50 = i32x4.splat(0), x51 = i32x4.splat(0), x52 = i32x4.splat(0), x53 = i32x4.splat(0);
    const end = a + (k4 << 2);
    do {
      const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
      let v = v128.load32_splat(a);
      x00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x00); x01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x01);
      x02 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x02); x03 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x03);
      v = v128.load32_splat(a, 4);
      x10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x10); x11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x11);
      x12 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x12); x13 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x13);
      v = v128.load32_splat(a, 8);
      x20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x20); x21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x21);
      x22 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x22); x23 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x23);
      v = v128.load32_splat(a, 12);
      x30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x30); x31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x31);
      x32 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x32); x33 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x33);
      v = v128.load32_splat(b);
      x40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x40); x41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x41);
      x42 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x42); x43 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x43);
      v = v128.load32_splat(b, 4);
      x50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v, x50); x51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v, x51);
      x52 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v, x52); x53 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v, x53);
      w += 64;
      a += 16;
      b += 16;
    } while (a < end);
    v128.store(ta, x00); v128.store(ta, x01, 16); v128.store(ta, x02, 32); v128.store(ta, x03, 48);
    v128.store(ta, x10, 64); v128.store(ta, x11, 80); v128.store(ta, x12, 96); v128.store(ta, x13, 112);
    v128.store(ta, x20, 128); v128.store(ta, x21, 144); v128.store(ta, x22, 160); v128.store(ta, x23, 176);
    v128.store(ta, x30, 192); v128.store(ta, x31, 208); v128.store(ta, x32, 224); v128.store(ta, x33, 240);
    v128.store(tb, x40); v128.store(tb, x41, 16); v128.store(tb, x42, 32); v128.store(tb, x43, 48);
    v128.store(tb, x50, 64); v128.store(tb, x51, 80); v128.store(tb, x52, 96); v128.store(tb, x53, 112);
  }
}
