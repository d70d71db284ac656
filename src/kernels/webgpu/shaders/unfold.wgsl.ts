/**
 * @file The rows around each token side by side.
 *
 * Idea     a thread a value of the result, which copies it, or writes zero beyond the ends of the sequence.
 * Threads  64. Shared none. Features none.
 */
import { eachValue, type Kernel, kernel } from '../kernel.ts';

export const unfold: Kernel = kernel({
  name: 'unfold',
  params: {
    x: 'tensor',
    y: 'tensor',
    rows: 'u32',
    cols: 'u32',
    /** Columns of `x`. */
    width: 'u32',
    /** Rows from the first one to the row itself. */
    back: 'u32',
    /** Two numbers for each row in `batch`: the first row of its sequence and the one after the last. */
    sequenceAt: 'u32',
  },
  code: eachValue(/* wgsl */ `
  let begin = batch[p.sequenceAt + 2u * row];
  let end = batch[p.sequenceAt + 2u * row + 1u];
  let place = c / p.width;
  let at = i32(row + place) - i32(p.back);
  var value = 0.0;
  if (at >= begin && at < end) { value = arena[p.xOff + u32(at) * p.xStride + c - place * p.width]; }
  arena[p.yOff + row * p.yStride + c] = value;`),
});
