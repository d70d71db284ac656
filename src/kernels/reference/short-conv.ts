/**
 * @file LFM2's gated short convolution (Liquid AI 2025), inside each sequence of the batch.
 */
import { rowsBefore, sequenceRows } from '../../tensor/batch-rows.ts';
import type { StepNames, Tensor, Weight } from '../../tensor/ops.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

/** `c · Σⱼ kernel[j] · (b · x)[t + j − back]`; see `Ops.shortConv`. */
export function shortConv(
  fw: Forward,
  input: Tensor,
  weight: Weight,
  options: { causal: boolean } & StepNames<never>,
): Matrix {
  const bcx = fw.own(input);
  const n = bcx.cols / 3;
  const [nTaps = 1] = weight.shape;
  const kernel = fw.weight(weight, nTaps, n);
  const back = rowsBefore(nTaps, options.causal);
  const y = fw.matrix(bcx.rows, n);
  const taps = fw.scratch(n * nTaps);
  for (let column = 0; column < n; column++) {
    kernel.dequantizeRow(column, taps.subarray(column * nTaps, (column + 1) * nTaps));
  }
  let t = 0;
  for (const [begin, end] of sequenceRows(fw.batch, 0, bcx.rows)) {
    const rows = Array.from({ length: nTaps }, (_, tap) => t + tap - back);
    const under = rows.map((at) => (at >= begin && at < end ? bcx.row(at) : undefined));
    const gate = bcx.slice(t, n, n);
    const to = y.row(t++);
    for (let column = 0; column < n; column++) {
      let sum = 0;
      under.forEach((row, tap) => {
        if (row !== undefined) sum += taps[column * nTaps + tap] * row[column] * row[2 * n + column];
      });
      to[column] = gate[column] * sum;
    }
  }
  fw.report(options, 'out', y);
  return y;
}
