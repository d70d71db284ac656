/**
 * @file LFM2's gated short convolution.
 */
import { madd } from './math';

/**
 * `y = c · Σ kernel[tap] · b · x`, where a row is `b`, `c` and `x` side by side, `n` values each (results are rounded up to 4 columns; the
 * rows are padded).
 * @param gate rows whose second part is `c`
 * @param taps `[row][nTaps]` addresses of the rows under the taps; 0: none
 * @param kernel float32 `[n][nTaps]`
 */
export function shortConvRows(
  gate: usize, ldg: usize, taps: usize, nTaps: i32, kernel: usize, n: i32, rows: i32, y: usize, ldy: usize,
): void {
  const bytes = <usize>n << 2;
  const step = <usize>nTaps << 2;
  for (let r = 0; r < rows; r++) {
    let column = kernel;
    for (let j: usize = 0; j < bytes; j += 16) {
      let sum = f32x4.splat(0);
      for (let tap: usize = 0; tap < step; tap += 4) {
        const row = load<usize>(taps + tap);
        if (row == 0) continue;
        const at = column + tap;
        let w = v128.load32_zero(at);
        w = v128.load32_lane(at + step, w, 1);
        w = v128.load32_lane(at + 2 * step, w, 2);
        w = v128.load32_lane(at + 3 * step, w, 3);
        sum = madd(f32x4.mul(v128.load(row + j), v128.load(row + 2 * bytes + j)), w, sum);
      }
      v128.store(y + j, f32x4.mul(v128.load(gate + bytes + j), sum));
      column += step << 2;
    }
    gate += ldg; taps += step; y += ldy;
  }
}
