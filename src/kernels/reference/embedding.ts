/**
 * @file Embedding: one row of a table for each token.
 */

import type { RowIndex } from '../../tensor/batch.ts';
import { tableRows } from '../../tensor/batch-rows.ts';
import type { StepNames, Tensor, Weight } from '../../tensor/ops.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

/** `y[t] = scale · weight(t) · table[index(t)] + add[t]`. */
export function embedding(
  fw: Forward,
  table: Weight,
  index: RowIndex,
  options: { scale?: number; add?: Tensor } & StepNames<'rows'> = {},
): Matrix {
  const { batch } = fw;
  const w = fw.weight(table);
  const y = fw.matrix(batch.ids.length, w.rowLength);
  const { rows, weights } = tableRows(batch, index);
  for (let t = 0; t < y.rows; t++) w.dequantizeRow(rows?.[t] ?? 0, y.row(t));
  fw.report(options, 'rows', y);
  const { scale = 1 } = options;
  for (let t = 0; t < y.rows; t++) {
    const factor = scale * (weights?.[t] ?? 1);
    if (factor === 1) continue;
    const yt = y.row(t);
    for (let i = 0; i < y.cols; i++) yt[i] *= factor;
  }
  if (options.add !== undefined) accumulate(y, fw.own(options.add));
  fw.report(options, 'out', y);
  return y;
}

/** `y += factor · x`, same shape. */
export function accumulate(y: Matrix, x: Matrix, factor = 1): void {
  if (x.rows !== y.rows || x.cols !== y.cols) {
    throw new Error(`a matrix [${x.rows}, ${x.cols}] cannot be added to one of [${y.rows}, ${y.cols}]`);
  }
  for (let r = 0; r < y.rows; r++) {
    const yr = y.row(r);
    const xr = x.row(r);
    for (let i = 0; i < y.cols; i++) yr[i] += factor * xr[i];
  }
}
