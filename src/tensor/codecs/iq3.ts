/**
 * @file IQ3_XXS and IQ3_S: four values at a time picked from a grid, with their signs, in super-blocks of 256.
 *
 * The super-block has 8 groups `b` of 32 values, each of four octets `l`; an octet is two grid entries of four values
 * and one byte of signs: bits 0…3 for the first, 4…7 for the second.
 * ```
 * IQ3_XXS  98 bytes  @0 f16 d   @2 u8 qs[64]   @66 u32 words[8]
 *            index of quartet k = 0, 1 of octet l: qs[8b + 2l + k] (grid of 256)
 *            words[b]: bits 7l… the signs of octet l (seven bits, see `evenSigns`), bits 28…31 the group's scale s
 *            scale = d·(0.5 + s) / 2
 * IQ3_S   110 bytes  @0 f16 d   @2 u8 qs[64]   @66 u8 qh[8]   @74 u8 signs[32]   @106 u8 scales[4]
 *            index = qs[8b + 2l + k] and above it bit 2l + k of qh[b] (grid of 512); signs[4b + l]
 *            scale = d·(1 + 2s), s in half b mod 2 of scales[b / 2]
 * ```
 */
import { codec, i32, u16 } from './codec.ts';
import { f16ToF32 } from './half.ts';
import { evenSigns, iqGrid } from './iq-grids.ts';

/** Four values: grid entry `index` times `scale`, negative where the bit in `signs` is set. */
function quartet(dst: Float32Array, to: number, scale: number, grid: Int8Array, index: number, signs: number): void {
  for (let j = 0; j < 4; j++) {
    const value = scale * grid[4 * index + j];
    dst[to + j] = (signs >> j) & 1 ? -value : value;
  }
}

export const IQ3_XXS = codec('IQ3_XXS', (src, dst, n) => {
  const grid = iqGrid('IQ3_XXS');
  for (let at = 0, to = 0; to < n; at += 98, to += 256) {
    const d = f16ToF32(u16(src, at));
    for (let b = 0; b < 8; b++) {
      const word = i32(src, at + 66 + 4 * b);
      const scale = d * (0.5 + (word >>> 28)) * 0.5;
      for (let l = 0; l < 4; l++) {
        const signs = evenSigns((word >> (7 * l)) & 127);
        const qs = at + 2 + 8 * b + 2 * l;
        quartet(dst, to + 32 * b + 8 * l, scale, grid, src[qs], signs);
        quartet(dst, to + 32 * b + 8 * l + 4, scale, grid, src[qs + 1], signs >> 4);
      }
    }
  }
});

export const IQ3_S = codec('IQ3_S', (src, dst, n) => {
  const grid = iqGrid('IQ3_S');
  for (let at = 0, to = 0; to < n; at += 110, to += 256) {
    const d = f16ToF32(u16(src, at));
    for (let b = 0; b < 8; b++) {
      const scale = d * (1 + 2 * ((src[at + 106 + (b >> 1)] >> (4 * (b & 1))) & 15));
      const qh = src[at + 66 + b];
      for (let l = 0; l < 4; l++) {
        const signs = src[at + 74 + 4 * b + l];
        const qs = at + 2 + 8 * b + 2 * l;
        const first = src[qs] | (((qh >> (2 * l)) & 1) << 8);
        const second = src[qs + 1] | (((qh >> (2 * l + 1)) & 1) << 8);
        quartet(dst, to + 32 * b + 8 * l, scale, grid, first, signs);
        quartet(dst, to + 32 * b + 8 * l + 4, scale, grid, second, signs >> 4);
      }
    }
  }
});
