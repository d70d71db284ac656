/**
 * @file IQ1_S and IQ1_M: eight ternary values at a time picked from a grid of 2048, all moved up or down by an eighth,
 * in super-blocks of 256.
 *
 * Eight values are `scale · (grid[index][j] + δ)`, δ = ±0.125. The super-block has 8 groups `b` of 32 values, each of
 * four octets `l`.
 * ```
 * IQ1_S 50 bytes  @0 f16 d   @2 u8 qs[32]   @34 u16 qh[8]
 *         index = qs[4b + l] and above it bits 3l… (three) of qh[b]
 *         scale = d·(2s + 1), s = bits 12…14 of qh[b];   δ < 0 where bit 15 of qh[b] is set
 * IQ1_M 56 bytes  @0 u8 qs[32]   @32 u8 qh[16]   @48 u16 scales[4]
 *         half h = l mod 2 of byte qh[2b + ⌊l/2⌋]: bits 0…2 above qs[4b + l] make the index, bit 3 set makes δ < 0
 *         scale = d·(2s + 1), s = three bits of scales[b / 2] at 6·(b mod 2) + 3·⌊l/2⌋
 *         d: an f16 in the upper four bits of scales[0], scales[1], scales[2], scales[3], lowest first
 * ```
 */
import { codec, u16 } from './codec.ts';
import { f16ToF32 } from './half.ts';
import { iqGrid } from './iq-grids.ts';

/** Eight values: grid entry `index` moved by an eighth, down when `down` is not zero. */
function octet(dst: Float32Array, to: number, scale: number, grid: Int8Array, index: number, down: number): void {
  const delta = down ? -0.125 : 0.125;
  for (let j = 0; j < 8; j++) dst[to + j] = scale * (grid[8 * index + j] + delta);
}

export const IQ1_S = codec('IQ1_S', (src, dst, n) => {
  const grid = iqGrid('IQ1');
  for (let at = 0, to = 0; to < n; at += 50, to += 256) {
    const d = f16ToF32(u16(src, at));
    for (let b = 0; b < 8; b++) {
      const qh = u16(src, at + 34 + 2 * b);
      const scale = d * (2 * ((qh >> 12) & 7) + 1);
      for (let l = 0; l < 4; l++) {
        const index = src[at + 2 + 4 * b + l] | (((qh >> (3 * l)) & 7) << 8);
        octet(dst, to + 32 * b + 8 * l, scale, grid, index, qh & 0x8000);
      }
    }
  }
});

export const IQ1_M = codec('IQ1_M', (src, dst, n) => {
  const grid = iqGrid('IQ1');
  for (let at = 0, to = 0; to < n; at += 56, to += 256) {
    const scales = at + 48;
    const d = f16ToF32(
      (src[scales + 1] >> 4) |
        (src[scales + 3] & 0xf0) |
        ((src[scales + 5] & 0xf0) << 4) |
        ((src[scales + 7] & 0xf0) << 8),
    );
    for (let b = 0; b < 8; b++) {
      const packed = u16(src, scales + 2 * (b >> 1)) >> (6 * (b & 1));
      for (let l = 0; l < 4; l++) {
        const scale = d * (2 * ((packed >> (l < 2 ? 0 : 3)) & 7) + 1);
        const high = src[at + 32 + 2 * b + (l >> 1)] >> (4 * (l & 1));
        octet(dst, to + 32 * b + 8 * l, scale, grid, src[at + 4 * b + l] | ((high & 7) << 8), high & 8);
      }
    }
  }
});
