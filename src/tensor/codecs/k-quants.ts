/**
 * @file The K types: super-blocks of 256 values, cut into 8 or 16 groups with their own small integer scales (and minima), in units of the
 * super-block's `d` (and `dmin`).
 *
 * ```
 * Q2_K   84 bytes  @0 u8 scales[16]   @16 u8 qs[64]     @80 f16 d         @82 f16 dmin    16 groups of 16
 *                  scale = low, minimum = high half of a scales byte;     y = d·sc·q − dmin·mn,   q 0…3
 * Q3_K  110 bytes  @0 u8 hmask[32]    @32 u8 qs[64]     @96 u8 scales[12]  @108 f16 d     16 groups of 16
 *                  six-bit scales, see `scaleQ3`;                         y = d·(sc − 32)·q,      q −4…3
 * Q4_K  144 bytes  @0 f16 d  @2 f16 dmin  @4 u8 scales[12]  @16 u8 qs[128]                8 groups of 32
 *                  six-bit scales and minima, see `scaleK4`;              y = d·sc·q − dmin·mn,   q 0…15
 * Q5_K  176 bytes  @0 f16 d  @2 f16 dmin  @4 u8 scales[12]  @16 u8 qh[32]  @48 u8 qs[128] 8 groups of 32
 *                  as Q4_K with a fifth bit;                              y = d·sc·q − dmin·mn,   q 0…31
 * Q6_K  210 bytes  @0 u8 ql[128]      @128 u8 qh[64]    @192 i8 scales[16] @208 f16 d     16 groups of 16
 *                                                                         y = d·sc·(q − 32),      q 0…63
 * ```
 * The bits of a value, with value = 128·half + 32·j + l in a super-block, l < 32:
 * - Q2_K, Q3_K: bits 2j, 2j+1 of `qs[32·half + l]`; Q3_K's third bit is bit 4·half + j of `hmask[l]` (clear: subtract 4).
 * - Q4_K, Q5_K: low (j even) or high half of `qs[32·(2·half + ⌊j/2⌋) + l]`; Q5_K's fifth bit is bit 4·half + j of `qh[l]`.
 * - Q6_K: low (j < 2) or high half of `ql[64·half + 32·(j mod 2) + l]`, and bits 2j, 2j+1 of `qh[32·half + l]`.
 */
import { codec, u16 } from './codec.ts';
import { f16ToF32 } from './half.ts';
import { quantizeQ4_K, quantizeQ5_K, quantizeQ6_K } from './k-quants.quantize.ts';

export const Q2_K = codec('Q2_K', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 84, to += 256) {
    const d = f16ToF32(u16(src, at + 80));
    const dmin = f16ToF32(u16(src, at + 82));
    for (let group = 0; group < 16; group++) {
      const scale = d * (src[at + group] & 15);
      const min = dmin * (src[at + group] >> 4);
      const shift = group & 6;
      const qs = at + 16 + 32 * (group >> 3) + 16 * (group & 1);
      for (let l = 0; l < 16; l++) dst[to + 16 * group + l] = scale * ((src[qs + l] >> shift) & 3) - min;
    }
  }
});

/**
 * Scale `group` (0…15) of a Q3_K block whose twelve scale bytes begin at `at`: four low bits, and two high bits further
 * on.
 */
function scaleQ3(src: Uint8Array, at: number, group: number): number {
  const low = (src[at + (group & 7)] >> (group < 8 ? 0 : 4)) & 15;
  const high = (src[at + 8 + (group & 3)] >> (2 * (group >> 2))) & 3;
  return (low | (high << 4)) - 32;
}

export const Q3_K = codec('Q3_K', (src, dst, n) => {
  for (let at = 0, to = 0; to < n; at += 110, to += 256) {
    const d = f16ToF32(u16(src, at + 108));
    for (let group = 0; group < 16; group++) {
      const scale = d * scaleQ3(src, at + 96, group);
      const shift = group & 6;
      const qs = at + 32 + 32 * (group >> 3) + 16 * (group & 1);
      const hmask = at + 16 * (group & 1);
      const bit = group >> 1;
      for (let l = 0; l < 16; l++) {
        const high = (src[hmask + l] >> bit) & 1;
        dst[to + 16 * group + l] = scale * (((src[qs + l] >> shift) & 3) + 4 * high - 4);
      }
    }
  }
});

/**
 * Six-bit scale of group 0…7 in the twelve bytes at `at` of Q4_K and Q5_K. The first four are whole, the others in two
 * parts.
 */
function scaleK4(src: Uint8Array, at: number, group: number): number {
  if (group < 4) return src[at + group] & 63;
  return (src[at + 4 + group] & 15) | ((src[at - 4 + group] >> 6) << 4);
}

/** Six-bit minimum of group 0…7, as `scaleK4`. */
function minK4(src: Uint8Array, at: number, group: number): number {
  if (group < 4) return src[at + 4 + group] & 63;
  return (src[at + 4 + group] >> 4) | ((src[at + group] >> 6) << 4);
}

export const Q4_K = codec(
  'Q4_K',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 144, to += 256) {
      const d = f16ToF32(u16(src, at));
      const dmin = f16ToF32(u16(src, at + 2));
      for (let group = 0; group < 8; group++) {
        const scale = d * scaleK4(src, at + 4, group);
        const min = dmin * minK4(src, at + 4, group);
        const shift = 4 * (group & 1);
        const qs = at + 16 + 32 * (group >> 1);
        for (let l = 0; l < 32; l++) dst[to + 32 * group + l] = scale * ((src[qs + l] >> shift) & 15) - min;
      }
    }
  },
  quantizeQ4_K,
);

export const Q5_K = codec(
  'Q5_K',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 176, to += 256) {
      const d = f16ToF32(u16(src, at));
      const dmin = f16ToF32(u16(src, at + 2));
      for (let group = 0; group < 8; group++) {
        const scale = d * scaleK4(src, at + 4, group);
        const min = dmin * minK4(src, at + 4, group);
        const shift = 4 * (group & 1);
        const qs = at + 48 + 32 * (group >> 1);
        for (let l = 0; l < 32; l++) {
          const high = (src[at + 16 + l] >> group) & 1;
          dst[to + 32 * group + l] = scale * (((src[qs + l] >> shift) & 15) | (high << 4)) - min;
        }
      }
    }
  },
  quantizeQ5_K,
);

export const Q6_K = codec(
  'Q6_K',
  (src, dst, n) => {
    for (let at = 0, to = 0; to < n; at += 210, to += 256) {
      const d = f16ToF32(u16(src, at + 208));
      for (let group = 0; group < 16; group++) {
        const scale = d * ((src[at + 192 + group] << 24) >> 24);
        const half = group >> 3;
        const j = (group >> 1) & 3;
        const odd = 16 * (group & 1);
        const ql = at + 64 * half + 32 * (j & 1) + odd;
        const qh = at + 128 + 32 * half + odd;
        const shift = 4 * (j >> 1);
        for (let l = 0; l < 16; l++) {
          const q = ((src[ql + l] >> shift) & 15) | (((src[qh + l] >> (2 * j)) & 3) << 4);
          dst[to + 16 * group + l] = scale * (q - 32);
        }
      }
    }
  },
  quantizeQ6_K,
);
