/**
 * @file The drivers: a product of many rows with many panels, built from tiles.
 *
 * Loop order: a chunk of rows (its activations stay in L2), a panel, a block of k (16 columns × 384 × 2 bytes stay in
 * L1), tiles of 4 rows (at the end of 2 or 1). A result depends on its row and column alone, never on the tile that made it.
 */
import { addTile, finishPanel, scaleTile, scaleTileU8 } from './epilogue';
import { tileF32x1x16, tileF32x4x16, tileF32x4x8 } from './tile-f32';
import { tileI16x1x16, tileI16x2x16, tileI16x4x16, tileI16x4x8 } from './tile-i16';
import { tileU8x4x16 } from './tile-u8';

/** Rows of one chunk. */
@inline const CHUNK: i32 = 256;
/** Rows whose sums are scaled at once. */
@inline const STRIP: i32 = 32;

/**
 * `c = activation(factor · a wᵀ + bias) + residual`, int16.
 * @param a int16 in groups of 4 rows, `groupBytes` apart (see `quantizeRows`), `aScale` `[row][nBlocks]`
 * @param w panels of `kPad · 32` bytes, `wScale` `[panel][nBlocks][16]`
 * @param bias `[n]` rounded up to 16, or a block of 16 zeros with `biasStep` 0 (else 64)
 * @param residual 0: none
 * @param wide 1: 4×16 tiles (256-bit registers), 0: 4×8
 * @param t scratch of 2048 bytes: the sums of 32 rows (256 bytes in the other drivers: those of a tile)
 */
export function linearI16(
  a: usize, groupBytes: usize, aScale: usize, w: usize, wScale: usize, k: i32, kPad: i32, kb: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize,
): void {
  const nBlocks = (k + kb - 1) / kb;
  const ldScale = <usize>nBlocks << 2;
  for (let r0 = 0; r0 < rows; r0 += CHUNK) {
    const r1 = min(r0 + CHUNK, rows);
    for (let p = 0; p < nPanels; p++) {
      const cp = c + <usize>r0 * ldc + (<usize>p << 6);
      for (let b = 0; b < nBlocks; b++) {
        const k4 = <usize>(min(kb, kPad - b * kb) << 1);
        const wb = w + (<usize>p * <usize>kPad << 5) + (<usize>(b * kb) << 5);
        const ws = wScale + (<usize>(p * nBlocks + b) << 6);
        blockI16(
          a + <usize>(r0 >> 2) * groupBytes + (<usize>(b * kb) << 3), groupBytes, aScale + <usize>r0 * ldScale + (<usize>b << 2), ldScale, wb, ws, k4,
          b == 0 ? bias + <usize>p * biasStep : cp, b == 0 ? 0 : ldc, factor, cp, ldc, r1 - r0, wide, t,
        );
      }
      if (activation != 0 || residual != 0) {
        finishPanel(cp, ldc, r1 - r0, 16, activation, residual == 0 ? 0 : residual + <usize>r0 * ldr + (<usize>p << 6), ldr);
      }
    }
  }
}

/** One block of k of one panel, all rows of a chunk. */
export function blockI16(
  a: usize, groupBytes: usize, aScale: usize, ldScale: usize, w: usize, wScale: usize, k4: usize,
  base: usize, ldBase: usize, factor: f32, c: usize, ldc: usize, rows: i32, wide: i32, t: usize,
): void {
  for (let r0 = 0; r0 < rows; r0 += STRIP) {
    const n = min(STRIP, rows - r0);
    let to = t;
    for (let r = 0; r < n; r += 4) {
      const left = n - r;
      if (left == 1) tileI16x1x16(a, w, to, k4);
      else if (left == 2) tileI16x2x16(a, w, to, k4);
      else if (wide) tileI16x4x16(a, w, to, k4);
      else {
        tileI16x4x8(a, w, to, k4);
        tileI16x4x8(a, w + 32, to + 32, k4);
      }
      a += groupBytes; to += 256;
    }
    scaleTile(t, c, ldc, base, ldBase, aScale, ldScale, wScale, factor, n);
    c += ldc * STRIP; base += ldBase * STRIP; aScale += ldScale * STRIP;
  }
}

/** The same in float32; panels of `k · 64` bytes; every `kb` values the sums are added up. */
export function linearF32(
  a: usize, lda: usize, w: usize, k: i32, kb: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize,
): void {
  for (let r0 = 0; r0 < rows; r0 += CHUNK) {
    const r1 = min(r0 + CHUNK, rows);
    for (let p = 0; p < nPanels; p++) {
      const cp = c + <usize>r0 * ldc + (<usize>p << 6);
      for (let b = 0; b < k; b += kb) {
        blockF32(
          a + <usize>r0 * lda + (<usize>b << 2), lda, w + (<usize>p * <usize>k << 6) + (<usize>b << 6), <usize>(min(kb, k - b) << 2),
          b == 0 ? bias + <usize>p * biasStep : cp, b == 0 ? 0 : ldc, factor, cp, ldc, r1 - r0, wide, t,
        );
      }
      if (activation != 0 || residual != 0) {
        finishPanel(cp, ldc, r1 - r0, 16, activation, residual == 0 ? 0 : residual + <usize>r0 * ldr + (<usize>p << 6), ldr);
      }
    }
  }
}

/** One block of k of one float32 panel. */
export function blockF32(
  a: usize, lda: usize, w: usize, k4: usize, base: usize, ldBase: usize, factor: f32, c: usize, ldc: usize, rows: i32,
  wide: i32, t: usize,
): void {
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    if (wide) tileF32x4x16(a, lda, w, t, 64, k4);
    else {
      tileF32x4x8(a, lda, w, t, 64, k4);
      tileF32x4x8(a, lda, w + 32, t + 32, 64, k4);
    }
    addTile(t, c, ldc, base, ldBase, factor, 4);
    a += lda << 2; c += ldc << 2; base += ldBase << 2;
  }
  for (; r < rows; r++) {
    tileF32x1x16(a, w, t, k4);
    addTile(t, c, ldc, base, ldBase, factor, 1);
    a += lda; c += ldc; base += ldBase;
  }
}

/**
 * The same with 8-bit activations and weights: `a` as `quantizeRowsU8` makes it, panels of `kPad · 16` bytes, `wScale`
 * `[panel][nBlocks][32]`.
 */
export function linearU8(
  a: usize, groupBytes: usize, aScale: usize, w: usize, wScale: usize, k: i32, kPad: i32, kb: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize,
): void {
  const nBlocks = (k + kb - 1) / kb;
  const ldScale = <usize>nBlocks << 3;
  for (let r0 = 0; r0 < rows; r0 += CHUNK) {
    const r1 = min(r0 + CHUNK, rows);
    for (let p = 0; p < nPanels; p++) {
      const cp = c + <usize>r0 * ldc + (<usize>p << 6);
      for (let b = 0; b < nBlocks; b++) {
        blockU8(
          a + <usize>(r0 >> 2) * groupBytes + (<usize>(b * kb) << 2), groupBytes, aScale + <usize>r0 * ldScale + (<usize>b << 3), ldScale,
          w + (<usize>p * <usize>kPad << 4) + (<usize>(b * kb) << 4), wScale + (<usize>(p * nBlocks + b) << 7), <usize>min(kb, kPad - b * kb),
          b == 0 ? bias + <usize>p * biasStep : cp, b == 0 ? 0 : ldc, factor, cp, ldc, r1 - r0, t,
        );
      }
      if (activation != 0 || residual != 0) {
        finishPanel(cp, ldc, r1 - r0, 16, activation, residual == 0 ? 0 : residual + <usize>r0 * ldr + (<usize>p << 6), ldr);
      }
    }
  }
}

/** One block of k of one 8-bit panel. */
export function blockU8(
  a: usize, groupBytes: usize, aScale: usize, ldScale: usize, w: usize, wScale: usize, k4: usize,
  base: usize, ldBase: usize, factor: f32, c: usize, ldc: usize, rows: i32, t: usize,
): void {
  for (let r = 0; r < rows; r += 4) {
    tileU8x4x16(a, w, t, k4);
    scaleTileU8(t, c, ldc, base, ldBase, aScale, ldScale, wScale, factor, min(4, rows - r));
    a += groupBytes; c += ldc << 2; base += ldBase << 2; aScale += ldScale << 2;
  }
}
