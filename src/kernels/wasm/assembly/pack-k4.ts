/**
 * @file Packs blocks of Q4_K into panels of 16 columns with the same numbers. Layout: `src/tensor/codecs/k-quants.ts`.
 */
import { f16, highNibbles, lowNibbles } from './blocks';
import { packPanelI16 } from './pack';
import { minK4, scaleK4 } from './unpack-k';

/**
 * One panel: q as bytes, `[k/4][16][4]`, at `w`, and at `scales`
 *  - for each 128 values 16 times d and 16 times d · Σ scale · q, which the activations' offset is multiplied with (k bytes);
 *  - the sub-blocks' scales as int16, `[k/32][16][2]`, each twice (2 k bytes);
 *  - −dmin · min in int16, `[k/64][16][2]` (k bytes), and its scales, as `packPanelI16` makes them for sums of activations in ±`aLimit`.
 * @param from `nValid` rows of blocks, `rowBytes` apart
 * @param k a multiple of 256
 * @param row scratch of 4 k bytes
 */
export function packPanelK4(
  from: usize, rowBytes: usize, nValid: i32, k: i32, kbMin: i32, aLimit: i32, w: usize, scales: usize, row: usize,
): void {
  const bytes = <usize>k;
  const ldMins = bytes >> 3;
  const subScales = scales + bytes;
  memory.fill(w, 0, bytes << 4);
  memory.fill(scales, 0, 3 * bytes);
  for (let c = 0; c < nValid; c++) {
    const column = <usize>c << 2;
    for (let i: usize = 0; i < bytes; i += 128) {
      const block = from + (i >> 8) * 144;
      const d = f16(block), dmin = f16(block + 2);
      let sum = 0;
      for (let sub = i >> 5; sub < (i >> 5) + 4; sub++) {
        const scale = <i32>scaleK4(block + 4, sub & 7);
        const q = block + 16 + ((sub & 6) << 4);
        sum += scale * scatterCodes(v128.load(q), v128.load(q, 16), sub & 1, w + (sub << 9) + column);
        store<i32>(subScales + (sub << 6) + column, scale | (scale << 16));
        store<f32>(row + <usize>c * ldMins + (sub << 2), -dmin * minK4(block + 4, sub & 7));
      }
      store<f32>(scales + i + column, d);
      store<f32>(scales + i + column, d * <f32>sum, 64);
    }
    from += rowBytes;
  }
  const mins = scales + 3 * bytes;
  packPanelI16(row, ldMins, nValid, k >> 5, k >> 5, kbMin, aLimit, mins, mins + bytes, row + 2 * bytes);
}

/** The low (`high` 0) or high nibbles of 32 bytes, four at every 64th byte. Returns their sum. */
function scatterCodes(a: v128, b: v128, high: usize, to: usize): i32 {
  const q0 = high ? highNibbles(a) : lowNibbles(a), q1 = high ? highNibbles(b) : lowNibbles(b);
  v128.store32_lane(to, q0, 0); v128.store32_lane(to, q0, 1, 64); v128.store32_lane(to, q0, 2, 128); v128.store32_lane(to, q0, 3, 192);
  v128.store32_lane(to, q1, 0, 256); v128.store32_lane(to, q1, 1, 320); v128.store32_lane(to, q1, 2, 384); v128.store32_lane(to, q1, 3, 448);
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_u(q0), i16x8.extadd_pairwise_i8x16_u(q1));
  const fours = i32x4.extadd_pairwise_i16x8_u(pairs);
  return i32x4.extract_lane(fours, 0) + i32x4.extract_lane(fours, 1) + i32x4.extract_lane(fours, 2) + i32x4.extract_lane(fours, 3);
}
