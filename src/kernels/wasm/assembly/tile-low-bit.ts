/**
 * @file The hot loop of `fast` for weights of at most 6 bits on engines without a full 8-bit dot product: int8 activations times the file's
 * own integers, summed in int16.
 *
 * A weight is the scale of its sub-block times (q − centre), with q from 0 to 2 · centre. The sum of a sub-block fits in two int16, because
 * |Σ a · (q − centre)| ≤ n · 127 · centre in each: n = 16 products for sub-blocks of 32 and centre ≤ 16, n = 8 for sub-blocks of 16 and
 * centre ≤ 32. Bytes are multiplied with q, which is not negative, as the instruction demands; the sums begin with −centre · Σ a instead of
 * 0. They may wrap on the way, but not at the end. At the end of a sub-block they are multiplied with its integer scale, which also widens
 * them to int32. Two instructions compute as many products as four do in int16. The result is exact on every engine, as q has at most six of
 * the seven bits that WebAssembly guarantees.
 */

/**
 * 4 rows × 16 columns: `t[row][column]` = Σ scale · Σ a · (q − centre) over sub-blocks, in int32.
 * @param a int8 `[k/4][row][4]`, |a| ≤ 127
 * @param start what the sums of sub-blocks begin with, int16 `[sub-block][row][2]`
 * @param w q, `[k/4][column][4]`
 * @param scales int16 `[sub-block][column][2]`, both the same
 * @param k4 number of values, a multiple of `sub`
 * @param sub values of a sub-block: 32 or 16
 * `unreachable` in the module without relaxed SIMD.
 */
export function tileLow4x16(a: usize, start: usize, w: usize, scales: usize, t: usize, k4: usize, sub: i32): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable();
  else {
    const end = a + (k4 << 2);
    const zero = i32x4.splat(0);
    v128.store(t, zero, 0); v128.store(t, zero, 16); v128.store(t, zero, 32); v128.store(t, zero, 48);
    v128.store(t, zero, 64); v128.store(t, zero, 80); v128.store(t, zero, 96); v128.store(t, zero, 112);
    v128.store(t, zero, 128); v128.store(t, zero, 144); v128.store(t, zero, 160); v128.store(t, zero, 176);
    v128.store(t, zero, 192); v128.store(t, zero, 208); v128.store(t, zero, 224); v128.store(t, zero, 240);
    do {
      let v = v128.load32_splat(start);
      let x00 = v, x01 = v, x02 = v, x03 = v;
      v = v128.load32_splat(start, 4);
      let x10 = v, x11 = v, x12 = v, x13 = v;
      v = v128.load32_splat(start, 8);
      let x20 = v, x21 = v, x22 = v, x23 = v;
      v = v128.load32_splat(start, 12);
      let x30 = v, x31 = v, x32 = v, x33 = v;
      start += 16;
      const stop = a + (<usize>sub << 2);
      do {
        const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
        v = v128.load32_splat(a);
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
      const s0 = v128.load(scales), s1 = v128.load(scales, 16), s2 = v128.load(scales, 32), s3 = v128.load(scales, 48);
      const y00 = i32x4.add(i32x4.dot_i16x8_s(x00, s0), v128.load(t));
      const y01 = i32x4.add(i32x4.dot_i16x8_s(x01, s1), v128.load(t, 16));
      const y02 = i32x4.add(i32x4.dot_i16x8_s(x02, s2), v128.load(t, 32));
      const y03 = i32x4.add(i32x4.dot_i16x8_s(x03, s3), v128.load(t, 48));
      v128.store(t, y00); v128.store(t, y01, 16); v128.store(t, y02, 32); v128.store(t, y03, 48);
      const y10 = i32x4.add(i32x4.dot_i16x8_s(x10, s0), v128.load(t, 64));
      const y11 = i32x4.add(i32x4.dot_i16x8_s(x11, s1), v128.load(t, 80));
      const y12 = i32x4.add(i32x4.dot_i16x8_s(x12, s2), v128.load(t, 96));
      const y13 = i32x4.add(i32x4.dot_i16x8_s(x13, s3), v128.load(t, 112));
      v128.store(t, y10, 64); v128.store(t, y11, 80); v128.store(t, y12, 96); v128.store(t, y13, 112);
      const y20 = i32x4.add(i32x4.dot_i16x8_s(x20, s0), v128.load(t, 128));
      const y21 = i32x4.add(i32x4.dot_i16x8_s(x21, s1), v128.load(t, 144));
      const y22 = i32x4.add(i32x4.dot_i16x8_s(x22, s2), v128.load(t, 160));
      const y23 = i32x4.add(i32x4.dot_i16x8_s(x23, s3), v128.load(t, 176));
      v128.store(t, y20, 128); v128.store(t, y21, 144); v128.store(t, y22, 160); v128.store(t, y23, 176);
      const y30 = i32x4.add(i32x4.dot_i16x8_s(x30, s0), v128.load(t, 192));
      const y31 = i32x4.add(i32x4.dot_i16x8_s(x31, s1), v128.load(t, 208));
      const y32 = i32x4.add(i32x4.dot_i16x8_s(x32, s2), v128.load(t, 224));
      const y33 = i32x4.add(i32x4.dot_i16x8_s(x33, s3), v128.load(t, 240));
      v128.store(t, y30, 192); v128.store(t, y31, 208); v128.store(t, y32, 224); v128.store(t, y33, 240);
      scales += 64;
    } while (a < end);
  }
}

/** The same for 8 columns, whose accumulators fit into 128-bit registers. */
export function tileLow4x8(a: usize, start: usize, w: usize, scales: usize, t: usize, k4: usize, sub: i32): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable();
  else {
    const end = a + (k4 << 2);
    const zero = i32x4.splat(0);
    v128.store(t, zero, 0); v128.store(t, zero, 16);
    v128.store(t, zero, 64); v128.store(t, zero, 80);
    v128.store(t, zero, 128); v128.store(t, zero, 144);
    v128.store(t, zero, 192); v128.store(t, zero, 208);
    do {
      let v = v128.load32_splat(start);
      let x00 = v, x01 = v;
      v = v128.load32_splat(start, 4);
      let x10 = v, x11 = v;
      v = v128.load32_splat(start, 8);
      let x20 = v, x21 = v;
      v = v128.load32_splat(start, 12);
      let x30 = v, x31 = v;
      start += 16;
      const stop = a + (<usize>sub << 2);
      do {
        const w0 = v128.load(w), w1 = v128.load(w, 16);
        v = v128.load32_splat(a);
        x00 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x00); x01 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x01);
        v = v128.load32_splat(a, 4);
        x10 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x10); x11 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x11);
        v = v128.load32_splat(a, 8);
        x20 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x20); x21 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x21);
        v = v128.load32_splat(a, 12);
        x30 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w0), x30); x31 = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(v, w1), x31);
        w += 64;
        a += 16;
      } while (a < stop);
      const s0 = v128.load(scales), s1 = v128.load(scales, 16);
      const y00 = i32x4.add(i32x4.dot_i16x8_s(x00, s0), v128.load(t));
      const y01 = i32x4.add(i32x4.dot_i16x8_s(x01, s1), v128.load(t, 16));
      v128.store(t, y00); v128.store(t, y01, 16);
      const y10 = i32x4.add(i32x4.dot_i16x8_s(x10, s0), v128.load(t, 64));
      const y11 = i32x4.add(i32x4.dot_i16x8_s(x11, s1), v128.load(t, 80));
      v128.store(t, y10, 64); v128.store(t, y11, 80);
      const y20 = i32x4.add(i32x4.dot_i16x8_s(x20, s0), v128.load(t, 128));
      const y21 = i32x4.add(i32x4.dot_i16x8_s(x21, s1), v128.load(t, 144));
      v128.store(t, y20, 128); v128.store(t, y21, 144);
      const y30 = i32x4.add(i32x4.dot_i16x8_s(x30, s0), v128.load(t, 192));
      const y31 = i32x4.add(i32x4.dot_i16x8_s(x31, s1), v128.load(t, 208));
      v128.store(t, y30, 192); v128.store(t, y31, 208);
      scales += 64;
    } while (a < end);
  }
}
