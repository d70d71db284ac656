/**
 * @file IQ2_XXS, IQ2_XS and IQ2_S: eight values at a time picked from a grid, with their signs, in super-blocks of 256.
 *
 * Eight values are `scale · grid[index][j] · sign[j]`. The super-block has 8 groups `b` of 32 values, each of four
 * such octets `l`.
 * ```
 * IQ2_XXS 66 bytes  @0 f16 d   @2 u32 pairs[16]: two words a group, at pairs[2b]
 *           first word: byte l is the index of octet l (grid of 256)
 *           second word: bits 7l… the signs of octet l (seven bits), bits 28…31 the group's scale s
 *           scale = d·(0.5 + s) / 4
 * IQ2_XS  74 bytes  @0 f16 d   @2 u16 qs[32]   @66 u8 scales[8]
 *           qs[4b + l]: bits 0…8 the index (grid of 512), bits 9…15 the signs
 *           scales[b]: low half for octets 0 and 1, high half for octets 2 and 3
 * IQ2_S   82 bytes  @0 f16 d   @2 u8 qs[32]   @34 u8 signs[32]   @66 u8 qh[8]   @74 u8 scales[8]
 *           index = qs[4b + l] and above it bits 2l, 2l + 1 of qh[b] (grid of 1024)
 *           signs[4b + l]: all eight signs; scales as IQ2_XS
 * ```
 * Seven sign bits are completed by `evenSigns`.
 */
import { codec, i32, u16 } from './codec.ts';
import { f16ToF32 } from './half.ts';
import { evenSigns, iqGrid } from './iq-grids.ts';

/** Eight values: grid entry `index` times `scale`, negative where the bit in `signs` is set. */
function octet(dst: Float32Array, to: number, scale: number, grid: Int8Array, index: number, signs: number): void {
  for (let j = 0; j < 8; j++) {
    const value = scale * grid[8 * index + j];
    dst[to + j] = (signs >> j) & 1 ? -value : value;
  }
}

export const IQ2_XXS = codec('IQ2_XXS', (src, dst, n) => {
  const grid = iqGrid('IQ2_XXS');
  for (let at = 0, to = 0; to < n; at += 66, to += 256) {
    const d = f16ToF32(u16(src, at));
    for (let b = 0; b < 8; b++) {
      const indices = at + 2 + 8 * b;
      const word = i32(src, indices + 4);
      const scale = d * (0.5 + (word >>> 28)) * 0.25;
      for (let l = 0; l < 4; l++) {
        octet(dst, to + 32 * b + 8 * l, scale, grid, src[indices + l], evenSigns((word >> (7 * l)) & 127));
      }
    }
  }
});

/** Scale of octets `l` of a group, from its byte of scales. */
const octetScale = (d: number, scales: number, l: number) => d * (0.5 + ((scales >> (l < 2 ? 0 : 4)) & 15)) * 0.25;

export const IQ2_XS = codec('IQ2_XS', (src, dst, n) => {
  const grid = iqGrid('IQ2_XS');
  for (let at = 0, to = 0; to < n; at += 74, to += 256) {
    const d = f16ToF32(u16(src, at));
    for (let b = 0; b < 8; b++) {
      for (let l = 0; l < 4; l++) {
        const word = u16(src, at + 2 + 8 * b + 2 * l);
        const scale = octetScale(d, src[at + 66 + b], l);
        octet(dst, to + 32 * b + 8 * l, scale, grid, word & 511, evenSigns(word >> 9));
      }
    }
  }
});

export const IQ2_S = codec('IQ2_S', (src, dst, n) => {
  const grid = iqGrid('IQ2_S');
  for (let at = 0, to = 0; to < n; at += 82, to += 256) {
    const d = f16ToF32(u16(src, at));
    for (let b = 0; b < 8; b++) {
      for (let l = 0; l < 4; l++) {
        const index = src[at + 2 + 4 * b + l] | (((src[at + 66 + b] >> (2 * l)) & 3) << 8);
        const scale = octetScale(d, src[at + 74 + b], l);
        octet(dst, to + 32 * b + 8 * l, scale, grid, index, src[at + 34 + 4 * b + l]);
      }
    }
  }
});
