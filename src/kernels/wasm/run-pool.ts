/**
 * @file Runs pooling: each rank makes the rows of the sequences whose first token is its own. Of a narrowed result there is only the row asked for.
 */

import type { PoolKind } from '../../tensor/ops.ts';
import type { PooledRow } from '../graph/step.ts';
import type { GraphTensor } from '../graph/tensor.ts';

import type { Runtime } from './runtime.ts';

/** The token of sequence `s` that pooling takes. */
export function pooledToken(offsets: Int32Array, s: number, row: PooledRow): number {
  return row === 'cls' ? offsets[s] : offsets[s + 1] - 1;
}

/** `y[s]` = mean of all rows, first or last row of sequence s of `x`. */
export function runPool(rt: Runtime, x: GraphTensor, y: GraphTensor, kind: Exclude<PoolKind, 'none'>): void {
  const { kernels, share, memory } = rt;
  const { offsets } = rt.batch;
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
    if (kind === 'mean') {
      memory.bytes(to, rt.stride(y)).fill(0);
      const factor = 1 / (offsets[s + 1] - offsets[s]);
      for (const { address, ld, rows } of rt.segments(x, offsets[s], offsets[s + 1])) {
        kernels.sumRows({ x: address, ldx: ld, rows, cols: x.cols, factor, y: to });
      }
    } else {
      const token = pooledToken(offsets, s, kind);
      for (const { address, ld } of rt.segments(x, token, token + 1)) {
        kernels.copyRows({ x: address, ldx: ld, y: to, ldy: rt.stride(y), rows: 1, cols: x.cols });
      }
    }
  }
}
