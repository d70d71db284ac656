/**
 * @file The tiles that expand what they multiply: the first four rows of a product of Q8_0.
 *
 * To expand a block of a panel and then to multiply it is to wait for memory first, and to leave it idle afterwards. With few rows, both take
 * about as long. These tiles multiply 32 values of k while they expand the next 32. Their sums are those of `tile-i16.ts`, and the tiles of
 * further rows read the weights that these have expanded.
 */
import { expandQ8, firstRatios, firstWeights, lastRatios, lastWeights } from './expand-q8';
import { ZERO, constant } from './math';

/** As `expandQ8`, and the sums of `tileI16x4x16`. Two steps at a time: with one, the loop itself takes a quarter of the instructions. */
export function tileQ8x4x16(a: usize, w: usize, ratios: usize, k: i32, expanded: usize, t: usize): void {
  expandQ8(w, ratios, 32, expanded);
  let x00 = i32x4.splat(0), x01 = i32x4.splat(0), x02 = i32x4.splat(0), x03 = i32x4.splat(0);
  let x10 = i32x4.splat(0), x11 = i32x4.splat(0), x12 = i32x4.splat(0), x13 = i32x4.splat(0);
  let x20 = i32x4.splat(0), x21 = i32x4.splat(0), x22 = i32x4.splat(0), x23 = i32x4.splat(0);
  let x30 = i32x4.splat(0), x31 = i32x4.splat(0), x32 = i32x4.splat(0), x33 = i32x4.splat(0);
  const end = a + (<usize>k << 3);
  const zero = constant(ZERO);
  let to = expanded + 1024;
  w += 512; ratios += 32;
  do {
    const stop = a + 256;
    // Nothing follows the last 32 values, so these are expanded once more: a branch in the loop would cost as much.
    if (stop == end) { to -= 1024; w -= 512; ratios -= 32; }
    const r0 = v128.load(ratios), r1 = v128.load(ratios, 16);
    const ra = firstRatios(r0), rb = lastRatios(r0), rc = firstRatios(r1), rd = lastRatios(r1);
    do {
      let w0 = v128.load(expanded), w1 = v128.load(expanded, 16), w2 = v128.load(expanded, 32), w3 = v128.load(expanded, 48);
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
      a += 16;
      w0 = v128.load(expanded, 64); w1 = v128.load(expanded, 80); w2 = v128.load(expanded, 96); w3 = v128.load(expanded, 112);
      v = v128.load32_splat(a);
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
      let u = v128.load(w);
      v128.store(to, firstWeights(u, ra, zero)); v128.store(to, lastWeights(u, rb, zero), 16);
      u = v128.load(w, 16);
      v128.store(to, firstWeights(u, rc, zero), 32); v128.store(to, lastWeights(u, rd, zero), 48);
      u = v128.load(w, 32);
      v128.store(to, firstWeights(u, ra, zero), 64); v128.store(to, lastWeights(u, rb, zero), 80);
      u = v128.load(w, 48);
      v128.store(to, firstWeights(u, rc, zero), 96); v128.store(to, lastWeights(u, rd, zero), 112);
      a += 16; expanded += 128; to += 128; w += 64;
    } while (a < stop);
    ratios += 32;
  } while (a < end);
  v128.store(t, x00); v128.store(t, x01, 16); v128.store(t, x02, 32); v128.store(t, x03, 48);
  v128.store(t, x10, 64); v128.store(t, x11, 80); v128.store(t, x12, 96); v128.store(t, x13, 112);
  v128.store(t, x20, 128); v128.store(t, x21, 144); v128.store(t, x22, 160); v128.store(t, x23, 176);
  v128.store(t, x30, 192); v128.store(t, x31, 208); v128.store(t, x32, 224); v128.store(t, x33, 240);
}

/**
 * The same with the sums of `tileI16x4x8`; it expands all 16 columns. Expanding and multiplying are two loops here, which fit into the
 * registers and are short enough for engines to unroll.
 */
export function tileQ8x4x8(a: usize, w: usize, ratios: usize, k: i32, expanded: usize, t: usize): void {
  expandQ8(w, ratios, 32, expanded);
  let x00 = i32x4.splat(0), x01 = i32x4.splat(0);
  let x10 = i32x4.splat(0), x11 = i32x4.splat(0);
  let x20 = i32x4.splat(0), x21 = i32x4.splat(0);
  let x30 = i32x4.splat(0), x31 = i32x4.splat(0);
  const end = a + (<usize>k << 3);
  const zero = constant(ZERO);
  let to = expanded + 1024;
  do {
    const stop = a + 256;
    if (stop < end) {
      w += 512; ratios += 32;
      const r0 = v128.load(ratios), r1 = v128.load(ratios, 16);
      const ra = firstRatios(r0), rb = lastRatios(r0), rc = firstRatios(r1), rd = lastRatios(r1);
      for (let i: usize = 0; i < 512; i += 32) {
        let u = v128.load(w + i);
        v128.store(to, firstWeights(u, ra, zero)); v128.store(to, lastWeights(u, rb, zero), 16);
        u = v128.load(w + i, 16);
        v128.store(to, firstWeights(u, rc, zero), 32); v128.store(to, lastWeights(u, rd, zero), 48);
        to += 64;
      }
    }
    do {
      const w0 = v128.load(expanded), w1 = v128.load(expanded, 16);
      let v = v128.load32_splat(a);
      x00 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x00); x01 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x01);
      v = v128.load32_splat(a, 4);
      x10 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x10); x11 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x11);
      v = v128.load32_splat(a, 8);
      x20 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x20); x21 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x21);
      v = v128.load32_splat(a, 12);
      x30 = i32x4.add(i32x4.dot_i16x8_s(v, w0), x30); x31 = i32x4.add(i32x4.dot_i16x8_s(v, w1), x31);
      a += 16; expanded += 64;
    } while (a < stop);
  } while (a < end);
  v128.store(t, x00); v128.store(t, x01, 16);
  v128.store(t, x10, 64); v128.store(t, x11, 80);
  v128.store(t, x20, 128); v128.store(t, x21, 144);
  v128.store(t, x30, 192); v128.store(t, x31, 208);
}
