/**
 * @file Pooling: reduces the rows of a sequence's tokens to one row.
 */
import { placesSum, pooledRows, rowsOfEach } from '../../tensor/batch-rows.ts';
import type { PoolKind, StepNames, Tensor } from '../../tensor/ops.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

/**
 * A mean or the maximum of all rows (special tokens included), the first or last row of each sequence, or all rows side by side. `none` returns `x`
 * itself.
 */
export function pool(fw: Forward, input: Tensor, kind: PoolKind, options?: StepNames<never>): Matrix {
  const x = fw.own(input);
  const nSeq = fw.batch.offsets.length - 1;
  if (kind === 'none') {
    fw.report(options, 'out', x);
    return x;
  }
  const y = fw.matrix(nSeq, kind === 'concat' ? x.cols * rowsOfEach(fw.batch) : x.cols);
  for (let s = 0; s < nSeq; s++) {
    const [begin, end] = pooledRows(fw.batch, s, kind);
    const first = fw.batch.offsets[s];
    if (kind === 'mean') mean(x, begin, end, y.row(s));
    else if (kind === 'mean-sqrt-len') weighted(x, begin, end, y.row(s), () => 1 / Math.sqrt(end - begin));
    else if (kind === 'weighted-mean') {
      const total = placesSum(begin - first, end - first);
      weighted(x, begin, end, y.row(s), (t) => (t - first + 1) / total);
    } else if (kind === 'max') max(x, begin, end, y.row(s));
    else for (let t = begin; t < end; t++) y.slice(s, (t - begin) * x.cols, x.cols).set(x.row(t));
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

/** The sum of the rows, each times its weight. */
function weighted(x: Matrix, begin: number, end: number, out: Float32Array, weightOf: (t: number) => number): void {
  for (let c = 0; c < out.length; c++) {
    let sum = 0;
    for (let t = begin; t < end; t++) sum += weightOf(t) * x.data[x.start + t * x.stride + c];
    out[c] = sum;
  }
}

function max(x: Matrix, begin: number, end: number, out: Float32Array): void {
  out.set(x.row(begin));
  for (let t = begin + 1; t < end; t++) {
    const row = x.row(t);
    for (let c = 0; c < out.length; c++) out[c] = Math.max(out[c], row[c]);
  }
}
