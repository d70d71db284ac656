/**
 * @file Runs pooling: each rank computes the rows of the sequences whose first token belongs to it. A narrowed result contains only the
 * requested row.
 */

import { placesSum, pooledRows } from '../../tensor/batch-rows.ts';
import type { PoolKind } from '../../tensor/ops.ts';
import type { GraphTensor } from '../graph/tensor.ts';

import type { Runtime } from './runtime.ts';

/** `y[s]` = a mean or the maximum of all rows, the first or last row of sequence s of `x`, or all of its rows side by side. */
export function runPool(rt: Runtime, x: GraphTensor, y: GraphTensor, kind: Exclude<PoolKind, 'none'>): void {
  const { kernels, share, memory } = rt;
  if (x.space === 'sequences') {
    kernels.copyRows({
      x: rt.address(x),
      ldx: rt.stride(x),
      y: rt.address(y),
      ldy: rt.stride(y),
      rows: rt.rows(x),
      cols: x.cols,
    });
    return;
  }
  for (let s = share.sequences; s < share.sequencesEnd; s++) {
    const to = rt.address(y) + (s - share.sequences) * rt.stride(y);
    const [begin, end] = pooledRows(rt.batch, s, kind);
    const isSum = kind === 'mean' || kind === 'mean-sqrt-len' || kind === 'weighted-mean';
    if (isSum) memory.bytes(to, rt.stride(y)).fill(0);
    const factor = kind === 'mean' ? 1 / (end - begin) : 1 / Math.sqrt(end - begin);
    const before = begin - rt.batch.offsets[s];
    const places = placesSum(before, before + end - begin);
    let place = before;
    let next = to;
    let isFirst = true;
    for (const { address, ld, rows } of rt.segments(x, begin, end)) {
      if (kind === 'weighted-mean') {
        for (let r = 0; r < rows; r++) {
          const weight = ++place / places;
          kernels.sumRows({ x: address + r * ld, ldx: ld, rows: 1, cols: x.cols, factor: weight, y: to });
        }
      } else if (isSum) kernels.sumRows({ x: address, ldx: ld, rows, cols: x.cols, factor, y: to });
      else if (kind === 'max') {
        if (isFirst) kernels.copyRows({ x: address, ldx: ld, y: to, ldy: 0, rows: 1, cols: x.cols });
        kernels.maxRows({ x: address, ldx: ld, rows, cols: x.cols, y: to });
      } else kernels.copyRows({ x: address, ldx: ld, y: next, ldy: x.cols * 4, rows, cols: x.cols });
      isFirst = false;
      next += rows * x.cols * 4;
    }
  }
}
