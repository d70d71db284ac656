/**
 * @file The hot loop of `high`: int16 activations times int16 weights, exact int32 sums.
 *
 * Activations are in groups of 4 rows with k in pairs, `[k/2][row][2]`: one pointer addresses all four rows. This matters because the
 * number of instructions bounds the loop. Weights are in panels of 16 output columns, `[k/2][column][2]`, so that one `i32x4.dot_i16x8_s`
 * does four columns. Sums go to a scratch tile `t`, `[row][16]` int32: V8 packs neighbouring 128-bit lanes into 256-bit registers only when
 * they end in neighbouring stores of the sums themselves, so a separate function scales the sums (`epilogue.ts`).
 */

/** 4 rows × 16 columns: 16 accumulators, eight 256-bit registers once packed. `k4` is twice the number of values. */
export function tileI16x4x16(a: usize, w: usize, t: usize, k4: usize): void {
  let x00 = i32x4.splat(0), x01 = i32x4.splat(0), x02 = i32x4.splat(0), x03 = i32x4.splat(0);
  let x10 = i32x4.splat(0), x11 = i32x4.splat(0), x12 = i32x4.splat(0), x13 = i32x4.splat(0);
  let x20 = i32x4.splat(0), x21 = i32x4.splat(0), x22 = i32x4.splat(0), x23 = i32x4.splat(0);
  let x30 = i32x4.splat(0), x31 = i32x4.splat(0), x32 = i32x4.splat(0), x33 = i32x4.splat(0);
  const end = a + (k4 << 2);
  do {
    const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
    let v = v128.load32_splat(a);
    x00 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x00); x01 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x01);
    x02 = i32x4.add(i32x4.dot_i16x8_s(v, w2), x02); x03 = i32x4.add(i32x4.dot_i16x8_s(v, w3), x03);
    v = v128.load32_splat(a, 4);
    x10 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x10); x11 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x11);
    x12 = i32x4.add(i32x4.dot_i16x8_s(v, w2), x12); x13 = i32x4.add(i32x4.dot_i16x8_s(v, w3), x13);
    v = v128.load32_splat(a, 8);
    x20 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x20); x21 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x21);
    x22 = i32x4.add(i32x4.dot_i16x8_s(v, w2), x22); x23 = i32x4.add(i32x4.dot_i16x8_s(v, w3), x23);
    v = v128.load32_splat(a, 12);
    x30 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x30); x31 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x31);
    x32 = i32x4.add(i32x4.dot_i16x8_s(v, w2), x32); x33 = i32x4.add(i32x4.dot_i16x8_s(v, w3), x33);
    w += 64;
    a += 16;
  } while (a < end);
  v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
  v128.store(t, x10, 64); v128.store(t, x11, 80); v128.store(t, x12, 96); v128.store(t, x13, 112);
  v128.store(t, x20, 128); v128.store(t, x21, 144); v128.store(t, x22, 160); v128.store(t, x23, 176);
  v128.store(t, x30, 192); v128.store(t, x31, 208); v128.store(t, x32, 224); v128.store(t, x33, 240);
}

/** 4 rows × 8 columns of a 16-column panel: eight accumulators, the most that 128-bit registers hold without spilling. */
export function tileI16x4x8(a: usize, w: usize, t: usize, k4: usize): void {
  let x00 = i32x4.splat(0), x01 = i32x4.splat(0);
  let x10 = i32x4.splat(0), x11 = i32x4.splat(0);
  let x20 = i32x4.splat(0), x21 = i32x4.splat(0);
  let x30 = i32x4.splat(0), x31 = i32x4.splat(0);
  const end = a + (k4 << 2);
  do {
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    let v = v128.load32_splat(a);
    x00 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x00); x01 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x01);
    v = v128.load32_splat(a, 4);
    x10 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x10); x11 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x11);
    v = v128.load32_splat(a, 8);
    x20 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x20); x21 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x21);
    v = v128.load32_splat(a, 12);
    x30 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x30); x31 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x31);
    w += 64;
    a += 16;
  } while (a < end);
  v128.store(t, x00); v128.store(t, x01, 16);
  v128.store(t, x10, 64); v128.store(t, x11, 80);
  v128.store(t, x20, 128); v128.store(t, x21, 144);
  v128.store(t, x30, 192); v128.store(t, x31, 208);
}

/** The first 2 of 4 rows × 16 columns, for the end of a batch. */
export function tileI16x2x16(a: usize, w: usize, t: usize, k4: usize): void {
  let x00 = i32x4.splat(0), x01 = i32x4.splat(0), x02 = i32x4.splat(0), x03 = i32x4.splat(0);
  let x10 = i32x4.splat(0), x11 = i32x4.splat(0), x12 = i32x4.splat(0), x13 = i32x4.splat(0);
  const end = a + (k4 << 2);
  do {
    const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
    let v = v128.load32_splat(a);
    x00 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x00); x01 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x01);
    x02 = i32x4.add(i32x4.dot_i16x8_s(v, w2), x02); x03 = i32x4.add(i32x4.dot_i16x8_s(v, w3), x03);
    v = v128.load32_splat(a, 4);
    x10 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x10); x11 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x11);
    x12 = i32x4.add(i32x4.dot_i16x8_s(v, w2), x12); x13 = i32x4.add(i32x4.dot_i16x8_s(v, w3), x13);
    w += 64;
    a += 16;
  } while (a < end);
  v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
  v128.store(t, x10, 64); v128.store(t, x11, 80); v128.store(t, x12, 96); v128.store(t, x13, 112);
}

/** The first of 4 rows × 16 columns. */
export function tileI16x1x16(a: usize, w: usize, t: usize, k4: usize): void {
  let x0 = i32x4.splat(0), x1 = i32x4.splat(0), x2 = i32x4.splat(0), x3 = i32x4.splat(0);
  const end = a + (k4 << 2);
  do {
    const v = v128.load32_splat(a);
    x0 = i32x4.add(i32x4.dot_i16x8_s(v, v128.load(w)), x0); x1 = i32x4.add(i32x4.dot_i16x8_s(v, v128.load(w, 16)), x1);
    x2 = i32x4.add(i32x4.dot_i16x8_s(v, v128.load(w, 32)), x2); x3 = i32x4.add(i32x4.dot_i16x8_s(v, v128.load(w, 48)), x3);
    w += 64;
    a += 16;
  } while (a < end);
  v128.store(t, x0); v128.store(t, x1, 16); v128.store(t, x2, 32); v128.store(t, x3, 48);
}
