/**
 * @file The rows around each token side by side, inside each sequence of the batch.
 */
import { rowsBefore, sequenceRows } from '../../tensor/batch-rows.ts';
import type { StepNames, Tensor } from '../../tensor/ops.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

/** `x[t − back], …, x[t], …`; see `Ops.unfold`. */
export function unfold(fw: Forward, input: Tensor, size: number, options?: StepNames<never>): Matrix {
  const x = fw.own(input);
  const back = rowsBefore(size, false);
  const y = fw.matrix(x.rows, size * x.cols);
  let t = 0;
  for (const [begin, end] of sequenceRows(fw.batch, 0, x.rows)) {
    for (let place = 0; place < size; place++) {
      const at = t + place - back;
      const to = y.slice(t, place * x.cols, x.cols);
      if (at >= begin && at < end) to.set(x.row(at));
      else to.fill(0);
    }
    t++;
  }
  fw.report(options, 'out', y);
  return y;
}
