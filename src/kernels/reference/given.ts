/**
 * @file Rows that come with the batch: pixels, or the output of a vision tower.
 */
import { checkGivenColumns } from '../../tensor/batch-rows.ts';
import type { StepNames, Tensor } from '../../tensor/ops.ts';
import { accumulate } from './embedding.ts';
import type { Forward } from './forward.ts';
import { Matrix } from './matrix.ts';

/** `y[t]` is the given row of token `t`, plus `add[t]` if present. For tokens without a given row it is `instead[t]` or `add[t]`. */
export function given(
  fw: Forward,
  start: number,
  n: number,
  options: { instead?: Tensor; add?: Tensor } & StepNames<never> = {},
): Tensor {
  const { given: rows, ids } = fw.batch;
  const other = options.instead ?? options.add;
  if (rows === undefined) {
    if (other === undefined) throw new Error('the batch has no given rows');
    return fw.own(other);
  }
  checkGivenColumns(rows, start, n, other !== undefined);
  const source = new Matrix(rows.values, rows.values.length / rows.width, n, start, rows.width);
  const y = fw.matrix(ids.length, n);
  y.data.fill(0);
  for (let t = 0; t < y.rows; t++) if (rows.at[t] >= 0) y.row(t).set(source.row(rows.at[t]));
  if (options.add !== undefined) accumulate(y, fw.own(options.add));
  if (options.instead !== undefined) {
    const x = fw.own(options.instead);
    for (let t = 0; t < y.rows; t++) if (rows.at[t] < 0) y.row(t).set(x.row(t));
  }
  fw.report(options, 'out', y);
  return y;
}
