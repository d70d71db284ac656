/**
 * @file Pooling: from the rows of a sequence's tokens to one row.
 */
import type { PoolKind, StepNames, Tensor } from '../../tensor/ops.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

/** Mean of all rows (special tokens included), first or last row of each sequence; `none` returns `x` itself. */
export function pool(fw: Forward, input: Tensor, kind: PoolKind, options?: StepNames<never>): Matrix {
  const x = fw.own(input);
  const { offsets } = fw.batch;
  const nSeq = offsets.length - 1;
  const y = kind === 'none' ? x : fw.matrix(nSeq, x.cols);
  for (let s = 0; s < nSeq; s++) {
    const [begin, end] = [offsets[s], offsets[s + 1]];
    if (kind === 'cls') y.row(s).set(x.row(begin));
    if (kind === 'last') y.row(s).set(x.row(end - 1));
    if (kind === 'mean') mean(x, begin, end, y.row(s));
  }
  fw.report(options, 'out', y);
  return y;
}

function mean(x: Matrix, begin: number, end: number, out: Float32Array): void {
  for (let c = 0; c < out.length; c++) {
    let sum = 0;
    for (let t = begin; t < end; t++) sum += x.data[x.start + t * x.stride + c];
    out[c] = sum / (end - begin);
  }
}
