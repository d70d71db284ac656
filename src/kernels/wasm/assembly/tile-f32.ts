/**
 * @file The float32 tiles: products of `exact`, and of attention in float32.
 *
 * The right side is stored in panels of 16 columns, `[k][16]`. Each element is summed in the order of k, whatever the tile.
 */
import { madd } from './math';

/** 4 rows × 16 columns; `k4` is bytes of a row of `a` (4 a value). Result `[row][16]` at `t`, rows `ldt` bytes apart. */
export function tileF32x4x16(a: usize, lda: usize, w: usize, t: usize, ldt: usize, k4: usize): void {
  const a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda;
  let x00 = f32x4.splat(0), x01 = f32x4.splat(0), x02 = f32x4.splat(0), x03 = f32x4.splat(0);
  let x10 = f32x4.splat(0), x11 = f32x4.splat(0), x12 = f32x4.splat(0), x13 = f32x4.splat(0);
  let x20 = f32x4.splat(0), x21 = f32x4.splat(0), x22 = f32x4.splat(0), x23 = f32x4.splat(0);
  let x30 = f32x4.splat(0), x31 = f32x4.splat(0), x32 = f32x4.splat(0), x33 = f32x4.splat(0);
  for (let k: usize = 0; k < k4; k += 4) {
    const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
    let v = v128.load32_splat(a + k);
    x00 = madd(v, w0, x00); x01 = madd(v, w1, x01); x02 = madd(v, w2, x02); x03 = madd(v, w3, x03);
    v = v128.load32_splat(a1 + k);
    x10 = madd(v, w0, x10); x11 = madd(v, w1, x11); x12 = madd(v, w2, x12); x13 = madd(v, w3, x13);
    v = v128.load32_splat(a2 + k);
    x20 = madd(v, w0, x20); x21 = madd(v, w1, x21); x22 = madd(v, w2, x22); x23 = madd(v, w3, x23);
    v = v128.load32_splat(a3 + k);
    x30 = madd(v, w0, x30); x31 = madd(v, w1, x31); x32 = madd(v, w2, x32); x33 = madd(v, w3, x33);
    w += 64;
  }
  v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
  t += ldt;
  v128.store(t, x10); v128.store(t, x11, 16); v128.store(t, x12, 32); v128.store(t, x13, 48);
  t += ldt;
  v128.store(t, x20); v128.store(t, x21, 16); v128.store(t, x22, 32); v128.store(t, x23, 48);
  t += ldt;
  v128.store(t, x30); v128.store(t, x31, 16); v128.store(t, x32, 32); v128.store(t, x33, 48);
}

/**
 * 6 rows × 16 columns, for 256-bit registers. With twelve accumulators, a multiply-add need not wait for the previous one (each takes four
 * cycles, and two start in each cycle).
 */
export function tileF32x6x16(a: usize, lda: usize, w: usize, t: usize, ldt: usize, k4: usize): void {
  const a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda, a4 = a3 + lda, a5 = a4 + lda;
  let x00 = f32x4.splat(0), x01 = f32x4.splat(0), x02 = f32x4.splat(0), x03 = f32x4.splat(0);
  let x10 = f32x4.splat(0), x11 = f32x4.splat(0), x12 = f32x4.splat(0), x13 = f32x4.splat(0);
  let x20 = f32x4.splat(0), x21 = f32x4.splat(0), x22 = f32x4.splat(0), x23 = f32x4.splat(0);
  let x30 = f32x4.splat(0), x31 = f32x4.splat(0), x32 = f32x4.splat(0), x33 = f32x4.splat(0);
  let x40 = f32x4.splat(0), x41 = f32x4.splat(0), x42 = f32x4.splat(0), x43 = f32x4.splat(0);
  let x50 = f32x4.splat(0), x51 = f32x4.splat(0), x52 = f32x4.splat(0), x53 = f32x4.splat(0);
  for (let k: usize = 0; k < k4; k += 4) {
    const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
    let v = v128.load32_splat(a + k);
    x00 = madd(v, w0, x00); x01 = madd(v, w1, x01); x02 = madd(v, w2, x02); x03 = madd(v, w3, x03);
    v = v128.load32_splat(a1 + k);
    x10 = madd(v, w0, x10); x11 = madd(v, w1, x11); x12 = madd(v, w2, x12); x13 = madd(v, w3, x13);
    v = v128.load32_splat(a2 + k);
    x20 = madd(v, w0, x20); x21 = madd(v, w1, x21); x22 = madd(v, w2, x22); x23 = madd(v, w3, x23);
    v = v128.load32_splat(a3 + k);
    x30 = madd(v, w0, x30); x31 = madd(v, w1, x31); x32 = madd(v, w2, x32); x33 = madd(v, w3, x33);
    v = v128.load32_splat(a4 + k);
    x40 = madd(v, w0, x40); x41 = madd(v, w1, x41); x42 = madd(v, w2, x42); x43 = madd(v, w3, x43);
    v = v128.load32_splat(a5 + k);
    x50 = madd(v, w0, x50); x51 = madd(v, w1, x51); x52 = madd(v, w2, x52); x53 = madd(v, w3, x53);
    w += 64;
  }
  v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
  t += ldt;
  v128.store(t, x10); v128.store(t, x11, 16); v128.store(t, x12, 32); v128.store(t, x13, 48);
  t += ldt;
  v128.store(t, x20); v128.store(t, x21, 16); v128.store(t, x22, 32); v128.store(t, x23, 48);
  t += ldt;
  v128.store(t, x30); v128.store(t, x31, 16); v128.store(t, x32, 32); v128.store(t, x33, 48);
  t += ldt;
  v128.store(t, x40); v128.store(t, x41, 16); v128.store(t, x42, 32); v128.store(t, x43, 48);
  t += ldt;
  v128.store(t, x50); v128.store(t, x51, 16); v128.store(t, x52, 32); v128.store(t, x53, 48);
}

/** 4 rows × 8 columns of a 16-column panel, for 128-bit registers. */
export function tileF32x4x8(a: usize, lda: usize, w: usize, t: usize, ldt: usize, k4: usize): void {
  const a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda;
  let x00 = f32x4.splat(0), x01 = f32x4.splat(0), x10 = f32x4.splat(0), x11 = f32x4.splat(0);
  let x20 = f32x4.splat(0), x21 = f32x4.splat(0), x30 = f32x4.splat(0), x31 = f32x4.splat(0);
  for (let k: usize = 0; k < k4; k += 4) {
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    let v = v128.load32_splat(a + k);
    x00 = madd(v, w0, x00); x01 = madd(v, w1, x01);
    v = v128.load32_splat(a1 + k);
    x10 = madd(v, w0, x10); x11 = madd(v, w1, x11);
    v = v128.load32_splat(a2 + k);
    x20 = madd(v, w0, x20); x21 = madd(v, w1, x21);
    v = v128.load32_splat(a3 + k);
    x30 = madd(v, w0, x30); x31 = madd(v, w1, x31);
    w += 64;
  }
  v128.store(t, x00); v128.store(t, x01, 16);
  t += ldt;
  v128.store(t, x10); v128.store(t, x11, 16);
  t += ldt;
  v128.store(t, x20); v128.store(t, x21, 16);
  t += ldt;
  v128.store(t, x30); v128.store(t, x31, 16);
}

/** 1 row × 16 columns. */
export function tileF32x1x16(a: usize, w: usize, t: usize, k4: usize): void {
  let x0 = f32x4.splat(0), x1 = f32x4.splat(0), x2 = f32x4.splat(0), x3 = f32x4.splat(0);
  for (let k: usize = 0; k < k4; k += 4) {
    const v = v128.load32_splat(a + k);
    x0 = madd(v, v128.load(w), x0); x1 = madd(v, v128.load(w, 16), x1);
    x2 = madd(v, v128.load(w, 32), x2); x3 = madd(v, v128.load(w, 48), x3);
    w += 64;
  }
  v128.store(t, x0); v128.store(t, x1, 16); v128.store(t, x2, 32); v128.store(t, x3, 48);
}
