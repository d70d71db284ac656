/**
 * @file LFM2's gated short convolution.
 *
 * Idea     a thread a value of the result, which reads the rows under its taps.
 * Threads  64. Shared none. Features none.
 */
import { eachValue, type Kernel, kernel } from '../kernel.ts';

export const shortConv: Kernel = kernel({
  name: 'shortConv',
  params: {
    /** Three parts side by side: what is convolved is the product of the first and the last, the second is the gate. */
    x: 'tensor',
    y: 'tensor',
    rows: 'u32',
    cols: 'u32',
    nTaps: 'u32',
    /** Rows from the first tap to the row itself. */
    back: 'u32',
    /** `[cols][nTaps]` in `vec`. */
    kernelAt: 'u32',
    /** Two numbers for each row in `batch`: the first row of its sequence and the one after the last. */
    sequenceAt: 'u32',
  },
  code: eachValue(/* wgsl */ `
  let begin = batch[p.sequenceAt + 2u * row];
  let end = batch[p.sequenceAt + 2u * row + 1u];
  var sum = 0.0;
  for (var tap = 0u; tap < p.nTaps; tap++) {
    let at = i32(row + tap) - i32(p.back);
    if (at >= begin && at < end) {
      let x = p.xOff + u32(at) * p.xStride + c;
      sum += vec[p.kernelAt + c * p.nTaps + tap] * (arena[x] * arena[x + 2u * p.cols]);
    }
  }
  arena[p.yOff + row * p.yStride + c] = arena[p.xOff + row * p.xStride + p.cols + c] * sum;`),
});
