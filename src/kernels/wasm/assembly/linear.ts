/**
 * @file The drivers: products of many rows with many panels, built from tiles.
 *
 * Loops, from the outside in: groups of panels (16 columns each; their weights stay in L2); strips of rows (their activations stay in L1 or
 * L2, and their results occupy few pages); panels (sums accumulate in L1 over the blocks of k and are written once); tiles of 4 or 6 rows
 * (2 or 1 at the end). A result depends on its row and column alone, never on the tile that made it.
 */
import { STRIP, STRIP_BYTES, addTile, finishStrip, scaleTile, scaleTileU8 } from './epilogue';
import { tileF32x1x16, tileF32x4x16, tileF32x4x8, tileF32x6x16 } from './tile-f32';
import { tileI16x1x16, tileI16x2x16, tileI16x4x16, tileI16x4x8 } from './tile-i16';
import { tileLow4x16, tileLow4x8 } from './tile-low-bit';
import { tileU8x4x16, tileU8x6x16 } from './tile-u8';

/** Weights of a group of panels. */
@inline const GROUP_BYTES: usize = 512 << 10;

/** The number of panels of `bytes` in a group. */
@inline
function panelsOfGroup(bytes: usize): i32 {
  return max(1, <i32>(GROUP_BYTES / bytes));
}

/**
 * `c = activation(factor · a wᵀ + bias) + residual`, int16.
 * @param a int16 in groups of 4 rows, `groupBytes` apart (see `quantizeRows`), `aScale` `[row][nBlocks]`
 * @param w panels of `kPad · 32` bytes, `wScale` `[panel][nBlocks][16]`
 * @param bias `[n]` rounded up to 16, or a block of 16 zeros with `biasStep` 0 (else 64)
 * @param residual 0: none
 * @param wide 1: tiles for 256-bit registers
 * @param t scratch of 2 STRIP_BYTES: integer sums of a block of k, and float32 sums of the blocks so far
 */
export function linearI16(
  a: usize, groupBytes: usize, aScale: usize, w: usize, wScale: usize, k: i32, kPad: i32, kb: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize,
): void {
  const nBlocks = (k + kb - 1) / kb;
  const ldScale = <usize>nBlocks << 2;
  const nGroup = panelsOfGroup(<usize>kPad << 5);
  for (let p0 = 0; p0 < nPanels; p0 += nGroup) {
    const p1 = min(p0 + nGroup, nPanels);
    for (let r = 0; r < rows; r += STRIP) {
      const n = min(STRIP, rows - r);
      for (let p = p0; p < p1; p++) {
        const sums = sumsI16(
          a + <usize>(r >> 2) * groupBytes, groupBytes, aScale + <usize>r * ldScale, ldScale,
          w + (<usize>p * <usize>kPad << 5), wScale + (<usize>(p * nBlocks) << 6), kPad, kb, bias + <usize>p * biasStep, factor, n, wide, t,
        );
        finishStrip(sums, c, ldc, r, p, n, activation, residual, ldr);
      }
    }
  }
}

/** One strip of one panel. Returns the address of its sums. */
export function sumsI16(
  a: usize, groupBytes: usize, aScale: usize, ldScale: usize, w: usize, wScale: usize, kPad: i32, kb: i32,
  bias: usize, factor: f32, rows: i32, wide: i32, t: usize,
): usize {
  const sums = t + STRIP_BYTES;
  for (let b = 0; b < kPad; b += kb) {
    const k4 = <usize>min(kb, kPad - b) << 1;
    blockI16(a, groupBytes, aScale, ldScale, w, wScale, k4, b == 0 ? bias : sums, b == 0 ? 0 : 64, factor, sums, 64, rows, wide, t);
    a += <usize>kb << 3; w += <usize>kb << 5; aScale += 4; wScale += 64;
  }
  return sums;
}

/** `c = base + factor · (one block of k of one panel)`, any number of rows; see `scaleTile`. */
export function blockI16(
  a: usize, groupBytes: usize, aScale: usize, ldScale: usize, w: usize, wScale: usize, k4: usize,
  base: usize, ldBase: usize, factor: f32, c: usize, ldc: usize, rows: i32, wide: i32, t: usize,
): void {
  for (let r = 0; r < rows; r += STRIP) {
    const n = min(STRIP, rows - r);
    tilesI16(a, groupBytes, w, k4, n, wide, t);
    scaleTile(t, c, ldc, base, ldBase, aScale, ldScale, wScale, factor, n);
    a += groupBytes * (STRIP >> 2); aScale += ldScale * STRIP; c += ldc * STRIP; base += ldBase * STRIP;
  }
}

/** Integer sums of one block of k, `[row][16]` at `t`. */
export function tilesI16(a: usize, groupBytes: usize, w: usize, k4: usize, rows: i32, wide: i32, t: usize): void {
  for (let r = 0; r < rows; r += 4) {
    const left = rows - r;
    if (left == 1) tileI16x1x16(a, w, t, k4);
    else if (left == 2) tileI16x2x16(a, w, t, k4);
    else if (wide) tileI16x4x16(a, w, t, k4);
    else {
      tileI16x4x8(a, w, t, k4);
      tileI16x4x8(a, w + 32, t + 32, k4);
    }
    a += groupBytes; t += 256;
  }
}

/** The same in float32; panels of `k · 64` bytes; every `kb` values the sums are added up. */
export function linearF32(
  a: usize, lda: usize, w: usize, k: i32, kb: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize,
): void {
  const nGroup = panelsOfGroup(<usize>k << 6);
  for (let p0 = 0; p0 < nPanels; p0 += nGroup) {
    const p1 = min(p0 + nGroup, nPanels);
    for (let r = 0; r < rows; r += STRIP) {
      const n = min(STRIP, rows - r);
      for (let p = p0; p < p1; p++) {
        const sums = sumsF32(a + <usize>r * lda, lda, w + (<usize>p * <usize>k << 6), k, kb, bias + <usize>p * biasStep, factor, n, wide, t);
        finishStrip(sums, c, ldc, r, p, n, activation, residual, ldr);
      }
    }
  }
}

export function sumsF32(
  a: usize, lda: usize, w: usize, k: i32, kb: i32, bias: usize, factor: f32, rows: i32, wide: i32, t: usize,
): usize {
  const sums = t + STRIP_BYTES;
  for (let b = 0; b < k; b += kb) {
    tilesF32(a, lda, rows, w, t, <usize>min(kb, k - b) << 2, wide);
    addTile(t, sums, 64, b == 0 ? bias : sums, b == 0 ? 0 : 64, factor, rows);
    a += <usize>kb << 2; w += <usize>kb << 6;
  }
  return sums;
}

/** `to[row][16]` = rows of `a` times `k4` bytes a row of one panel. */
export function tilesF32(a: usize, lda: usize, rows: i32, w: usize, to: usize, k4: usize, wide: i32): void {
  const end = to + (<usize>rows << 6), lda4 = lda << 2;
  if (wide) {
    // Use 2 or 1 rows only for the last ones.
    for (; to + 576 <= end || to + 384 == end; to += 384) {
      tileF32x6x16(a, lda, w, to, 64, k4);
      a += lda4 + 2 * lda;
    }
  }
  for (; to + 256 <= end; to += 256) {
    if (wide) tileF32x4x16(a, lda, w, to, 64, k4);
    else {
      tileF32x4x8(a, lda, w, to, 64, k4);
      tileF32x4x8(a, lda, w + 32, to + 32, 64, k4);
    }
    a += lda4;
  }
  for (; to < end; to += 64) {
    tileF32x1x16(a, w, to, k4);
    a += lda;
  }
}

/**
 * The same with 8-bit activations and weights: `a` as `quantizeRowsU8` makes it, panels of `kPad · 16` bytes, `wScale`
 * `[panel][nBlocks][32]`. `wide` is unused; it is there so that all drivers have the same arguments.
 */
export function linearU8(
  a: usize, groupBytes: usize, aScale: usize, w: usize, wScale: usize, k: i32, kPad: i32, kb: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize,
): void {
  const nBlocks = (k + kb - 1) / kb;
  const ldScale = <usize>nBlocks << 3;
  const nGroup = panelsOfGroup(<usize>kPad << 4);
  for (let p0 = 0; p0 < nPanels; p0 += nGroup) {
    const p1 = min(p0 + nGroup, nPanels);
    for (let r = 0; r < rows; r += STRIP) {
      const n = min(STRIP, rows - r);
      for (let p = p0; p < p1; p++) {
        const sums = sumsU8(
          a + <usize>(r >> 2) * groupBytes, groupBytes, aScale + <usize>r * ldScale, ldScale,
          w + (<usize>p * <usize>kPad << 4), wScale + (<usize>(p * nBlocks) << 7), kPad, kb, bias + <usize>p * biasStep, factor, n, t,
        );
        finishStrip(sums, c, ldc, r, p, n, activation, residual, ldr);
      }
    }
  }
}

export function sumsU8(
  a: usize, groupBytes: usize, aScale: usize, ldScale: usize, w: usize, wScale: usize, kPad: i32, kb: i32,
  bias: usize, factor: f32, rows: i32, t: usize,
): usize {
  const sums = t + STRIP_BYTES;
  for (let b = 0; b < kPad; b += kb) {
    tilesU8(a, groupBytes, w, min(kb, kPad - b), rows, t);
    scaleTileU8(t, sums, 64, b == 0 ? bias : sums, b == 0 ? 0 : 64, aScale, ldScale, wScale, factor, rows);
    a += <usize>kb << 2; w += <usize>kb << 4; aScale += 8; wScale += 128;
  }
  return sums;
}

/** Three groups of rows are two tiles of six. */
export function tilesU8(a: usize, groupBytes: usize, w: usize, k4: usize, rows: i32, t: usize): void {
  let r = 0;
  for (; r + 12 <= rows; r += 12) {
    const second = a + groupBytes, third = second + groupBytes;
    tileU8x6x16(a, second, w, t, t + 256, k4);
    tileU8x6x16(third, second + 8, w, t + 512, t + 384, k4);
    a = third + groupBytes; t += 768;
  }
  for (; r < rows; r += 4) {
    tileU8x4x16(a, w, t, k4);
    a += groupBytes; t += 256;
  }
}

/**
 * The same for weights of at most 6 bits in their own integers, w = d · scale · (q − centre) + min: 8-bit activations times q, and int16 sums
 * of 32 activations times the minima.
 * @param a int8 as `quantizeRowsU8` makes it with a zero of 127 and blocks of `kb`
 * @param start `startSums` of the activations
 * @param sums `sumsOf32` of the activations, as `quantizeRows` makes them in blocks of `kbMin`; 0 without minima
 * @param w panels as `packPanelLow` makes them, of `kPad · 16` bytes, and `wScale` of `scaleBytes`
 * @param sub values of a sub-block
 */
export function linearLow(
  a: usize, groupBytes: usize, aScale: usize, start: usize, startGroupBytes: usize, sums: usize, sumGroupBytes: usize, sumScale: usize,
  w: usize, wScale: usize, scaleBytes: usize, k: i32, kPad: i32, kb: i32, sub: i32, kbMin: i32, nPanels: i32,
  bias: usize, biasStep: usize, factor: f32, c: usize, ldc: usize, rows: i32, activation: i32, residual: usize, ldr: usize,
  wide: i32, t: usize,
): void {
  const nBlocks = <usize>(kPad / kb);
  const ldScale = nBlocks << 3;
  const subScaleBytes = <usize>(kPad / sub) << 6;
  const kMin = k >> 5, kMinPad = (kMin + 1) & ~1;
  const ldSum = sums == 0 ? 0 : <usize>((kMin + kbMin - 1) / kbMin) << 2;
  const nGroup = panelsOfGroup((<usize>kPad << 4) + scaleBytes);
  for (let p0 = 0; p0 < nPanels; p0 += nGroup) {
    const p1 = min(p0 + nGroup, nPanels);
    for (let r = 0; r < rows; r += STRIP) {
      const n = min(STRIP, rows - r);
      const group = <usize>(r >> 2);
      for (let p = p0; p < p1; p++) {
        const scales = wScale + <usize>p * scaleBytes, mins = scales + (nBlocks << 7) + subScaleBytes;
        let base = bias + <usize>p * biasStep;
        if (sums != 0) {
          base = sumsI16(
            sums + group * sumGroupBytes, sumGroupBytes, sumScale + <usize>r * ldSum, ldSum,
            mins, mins + (<usize>kMinPad << 5), kMinPad, kbMin, base, factor, n, wide, t,
          );
        }
        const total = sumsLow(
          a + group * groupBytes, groupBytes, aScale + <usize>r * ldScale, ldScale, start + group * startGroupBytes, startGroupBytes,
          w + (<usize>p * <usize>kPad << 4), scales, kPad, kb, sub, base, sums == 0 ? 0 : 64, factor, n, wide, t,
        );
        finishStrip(total, c, ldc, r, p, n, activation, residual, ldr);
      }
    }
  }
}

/** One strip of one panel, added to `base`. Returns the address of its sums. */
export function sumsLow(
  a: usize, groupBytes: usize, aScale: usize, ldScale: usize, start: usize, startGroupBytes: usize, w: usize, wScale: usize,
  kPad: i32, kb: i32, sub: i32, base: usize, ldBase: usize, factor: f32, rows: i32, wide: i32, t: usize,
): usize {
  const sums = t + STRIP_BYTES;
  const nSub = <usize>(kb / sub);
  let subScales = wScale + (<usize>(kPad / kb) << 7);
  for (let b = 0; b < kPad; b += kb) {
    tilesLow(a, groupBytes, start, startGroupBytes, w, subScales, kb, sub, rows, wide, t);
    scaleTileU8(t, sums, 64, b == 0 ? base : sums, b == 0 ? ldBase : 64, aScale, ldScale, wScale, factor, rows);
    a += <usize>kb << 2; start += nSub << 4; w += <usize>kb << 4; aScale += 8; wScale += 128; subScales += nSub << 6;
  }
  return sums;
}

export function tilesLow(
  a: usize, groupBytes: usize, start: usize, startGroupBytes: usize, w: usize, scales: usize, k4: usize, sub: i32, rows: i32, wide: i32,
  t: usize,
): void {
  for (let r = 0; r < rows; r += 4) {
    if (wide) tileLow4x16(a, start, w, scales, t, k4, sub);
    else {
      tileLow4x8(a, start, w, scales, t, k4, sub);
      tileLow4x8(a, start, w + 32, scales + 32, t + 32, k4, sub);
    }
    a += groupBytes; start += startGroupBytes; t += 256;
  }
}
