/**
 * @file The hot loop of `high`: int16 activations times int16 weights, exact int32 sums.
 *
 * Activations lie row by row, `[row][k]`. Weights lie in panels of 16 output columns with k in pairs,
 * `[k/2][column][2]`, so that one `i32x4.dot_i16x8_s` does four columns. Sums go to a scratch tile `t`, `[row][16]` int32:
 * V8 packs neighbouring 128-bit lanes into 256-bit registers only when they end in neighbouring stores of the sums
 * themselves, so scaling is another function (`epilogue.ts`).
 */

/** 4 rows × 16 columns: 16 accumulators, eight 256-bit registers once packed. `k4` is bytes of activations, 2 a value. */
export function tileI16x4x16(a: usize, lda: usize, w: usize, t: usize, k4: usize): void {
  const a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda;
  let x00 = i32x4.splat(0), x01 = i32x4.splat(0), x02 = i32x4.splat(0), x03 = i32x4.splat(0);
  let x10 = i32x4.splat(0), x11 = i32x4.splat(0), x12 = i32x4.splat(0), x13 = i32x4.splat(0);
  let x20 = i32x4.splat(0), x21 = i32x4.splat(0), x22 = i32x4.splat(0), x23 = i32x4.splat(0);
  let x30 = i32x4.splat(0), x31 = i32x4.splat(0), x32 = i32x4.splat(0), x33 = i32x4.splat(0);
  for (let k: usize = 0; k < k4; k += 4) {
    const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
    let v = v128.load32_splat(a + k);
    x00 = i32x4.add(x00, i32x4.dot_i16x8_s(v, w0)); x01 = i32x4.add(x01, i32x4.dot_i16x8_s(v, w1));
    x02 = i32x4.add(x02, i32x4.dot_i16x8_s(v, w2)); x03 = i32x4.add(x03, i32x4.dot_i16x8_s(v, w3));
    v = v128.load32_splat(a1 + k);
    x10 = i32x4.add(x10, i32x4.dot_i16x8_s(v, w0)); x11 = i32x4.add(x11, i32x4.dot_i16x8_s(v, w1));
    x12 = i32x4.add(x12, i32x4.dot_i16x8_s(v, w2)); x13 = i32x4.add(x13, i32x4.dot_i16x8_s(v, w3));
    v = v128.load32_splat(a2 + k);
    x20 = i32x4.add(x20, i32x4.dot_i16x8_s(v, w0)); x21 = i32x4.add(x21, i32x4.dot_i16x8_s(v, w1));
    x22 = i32x4.add(x22, i32x4.dot_i16x8_s(v, w2)); x23 = i32x4.add(x23, i32x4.dot_i16x8_s(v, w3));
    v = v128.load32_splat(a3 + k);
    x30 = i32x4.add(x30, i32x4.dot_i16x8_s(v, w0)); x31 = i32x4.add(x31, i32x4.dot_i16x8_s(v, w1));
    x32 = i32x4.add(x32, i32x4.dot_i16x8_s(v, w2)); x33 = i32x4.add(x33, i32x4.dot_i16x8_s(v, w3));
    w += 64;
  }
  v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
  v128.store(t, x10, 64); v128.store(t, x11, 80); v128.store(t, x12, 96); v128.store(t, x13, 112);
  v128.store(t, x20, 128); v128.store(t, x21, 144); v128.store(t, x22, 160); v128.store(t, x23, 176);
  v128.store(t, x30, 192); v128.store(t, x31, 208); v128.store(t, x32, 224); v128.store(t, x33, 240);
}

/** 4 rows × 8 columns of a 16-column panel: eight accumulators, which is what 128-bit registers hold without spilling. */
export function tileI16x4x8(a: usize, lda: usize, w: usize, t: usize, k4: usize): void {
  const a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda;
  let x00 = i32x4.splat(0), x01 = i32x4.splat(0), x10 = i32x4.splat(0), x11 = i32x4.splat(0);
  let x20 = i32x4.splat(0), x21 = i32x4.splat(0), x30 = i32x4.splat(0), x31 = i32x4.splat(0);
  for (let k: usize = 0; k < k4; k += 4) {
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    let v = v128.load32_splat(a + k);
    x00 = i32x4.add(x00, i32x4.dot_i16x8_s(v, w0)); x01 = i32x4.add(x01, i32x4.dot_i16x8_s(v, w1));
    v = v128.load32_splat(a1 + k);
    x10 = i32x4.add(x10, i32x4.dot_i16x8_s(v, w0)); x11 = i32x4.add(x11, i32x4.dot_i16x8_s(v, w1));
    v = v128.load32_splat(a2 + k);
    x20 = i32x4.add(x20, i32x4.dot_i16x8_s(v, w0)); x21 = i32x4.add(x21, i32x4.dot_i16x8_s(v, w1));
    v = v128.load32_splat(a3 + k);
    x30 = i32x4.add(x30, i32x4.dot_i16x8_s(v, w0)); x31 = i32x4.add(x31, i32x4.dot_i16x8_s(v, w1));
    w += 64;
  }
  v128.store(t, x00); v128.store(t, x01, 16);
  v128.store(t, x10, 64); v128.store(t, x11, 80);
  v128.store(t, x20, 128); v128.store(t, x21, 144);
  v128.store(t, x30, 192); v128.store(t, x31, 208);
}

/** 1 row × 16 columns, for the rows that are left over. */
export function tileI16x1x16(a: usize, w: usize, t: usize, k4: usize): void {
  let x0 = i32x4.splat(0), x1 = i32x4.splat(0), x2 = i32x4.splat(0), x3 = i32x4.splat(0);
  for (let k: usize = 0; k < k4; k += 4) {
    const v = v128.load32_splat(a + k);
    x0 = i32x4.add(x0, i32x4.dot_i16x8_s(v, v128.load(w))); x1 = i32x4.add(x1, i32x4.dot_i16x8_s(v, v128.load(w, 16)));
    x2 = i32x4.add(x2, i32x4.dot_i16x8_s(v, v128.load(w, 32))); x3 = i32x4.add(x3, i32x4.dot_i16x8_s(v, v128.load(w, 48)));
    w += 64;
  }
  v128.store(t, x0); v128.store(t, x1, 16); v128.store(t, x2, 32); v128.store(t, x3, 48);
}
