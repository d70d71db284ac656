/** @file The driver of Q8_0: panels of bytes, which are expanded to int16 and then multiplied as `linearI16` does. */
import { STRIP, STRIP_BYTES, finishStrip, scaleTile } from './epilogue';
import { expandQ8 } from './expand-q8';
import { tilesI16 } from './linear';
import { tileI16x4x8 } from './tile-i16';
import { tileQ8x4x16, tileQ8x4x8 } from './tile-q8';

/** Expanded panels of a group, if there are several strips of rows. */
export const EXPANDED_BYTES: usize = 256 << 10;

/**
 * As `linearI16`, with panels as `packPanelQ8` makes them: of `k · 16` bytes at `w`, and of `scaleBytes` at `wScale`. The first strip of rows
 * expands them, block by block of k; with several strips, the others read what it has made.
 * @param expanded scratch for int16 panels: EXPANDED_BYTES, or one panel (`k · 32`) if that is more
 */
export function linearQ8(
  a: usize, groupBytes: usize, aScale: usize, w: usize, wScale: usize, scaleBytes: usize, k: i32, kb: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize, expanded: usize,
): void {
  const nBlocks = <usize>((k + kb - 1) / kb);
  const ldScale = nBlocks << 2;
  const several = rows > STRIP;
  // A single strip reuses one place, which stays in L1.
  const panelBytes: usize = several ? <usize>k << 5 : 0, blockBytes: usize = several ? <usize>kb << 5 : 0;
  const nGroup = several ? max(1, <i32>(EXPANDED_BYTES / panelBytes)) : nPanels;
  for (let p0 = 0; p0 < nPanels; p0 += nGroup) {
    const p1 = min(p0 + nGroup, nPanels);
    for (let r = 0; r < rows; r += STRIP) {
      const n = min(STRIP, rows - r);
      for (let p = p0; p < p1; p++) {
        const scales = wScale + <usize>p * scaleBytes;
        const sums = sumsQ8(
          a + <usize>(r >> 2) * groupBytes, groupBytes, aScale + <usize>r * ldScale, ldScale,
          r == 0 ? w + (<usize>p * <usize>k << 4) : 0, scales + (nBlocks << 6), expanded + <usize>(p - p0) * panelBytes, blockBytes,
          scales, k, kb, bias + <usize>p * biasStep, factor, n, wide, t,
        );
        finishStrip(sums, c, ldc, r, p, n, activation, residual, ldr);
      }
    }
  }
}

/**
 * One strip of one panel, as `sumsI16`. Returns the address of its sums.
 * @param w the panel's bytes, which are expanded to `expanded`; 0: they have been
 */
export function sumsQ8(
  a: usize, groupBytes: usize, aScale: usize, ldScale: usize, w: usize, ratios: usize, expanded: usize, blockBytes: usize,
  wScale: usize, k: i32, kb: i32, bias: usize, factor: f32, rows: i32, wide: i32, t: usize,
): usize {
  const sums = t + STRIP_BYTES;
  for (let b = 0; b < k; b += kb) {
    const n = min(kb, k - b);
    if (w == 0) tilesI16(a, groupBytes, expanded, <usize>n << 1, rows, wide, t);
    else tilesQ8(a, groupBytes, w + (<usize>b << 4), ratios + <usize>b, n, expanded, rows, wide, t);
    scaleTile(t, sums, 64, b == 0 ? bias : sums, b == 0 ? 0 : 64, aScale, ldScale, wScale, factor, rows);
    a += <usize>kb << 3; aScale += 4; wScale += 64; expanded += blockBytes;
  }
  return sums;
}

/** As `tilesI16`; expands the `k` values of the block. */
export function tilesQ8(
  a: usize, groupBytes: usize, w: usize, ratios: usize, k: i32, expanded: usize, rows: i32, wide: i32, t: usize,
): void {
  const k4 = <usize>k << 1;
  if (rows < 3) expandQ8(w, ratios, k, expanded);
  else {
    if (wide) tileQ8x4x16(a, w, ratios, k, expanded, t);
    else {
      tileQ8x4x8(a, w, ratios, k, expanded, t);
      tileI16x4x8(a, expanded + 32, t + 32, k4);
    }
    a += groupBytes; rows -= 4; t += 256;
  }
  tilesI16(a, groupBytes, expanded, k4, rows, wide, t);
}
