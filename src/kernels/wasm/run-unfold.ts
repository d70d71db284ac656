/**
 * @file Puts the rows around each token side by side, some of which may be another rank's.
 */
import { rowsBefore, sequenceRows } from '../../tensor/batch-rows.ts';
import type { StepOf } from '../graph/step.ts';
import type { Runtime } from './runtime.ts';

/** Computes this rank's rows. */
export function runUnfold(rt: Runtime, { inputs: [x], out, size }: StepOf<'unfold'>): void {
  const { share, memory } = rt;
  const { cols } = x;
  const back = rowsBefore(size, false);
  let y = rt.address(out);
  let token = share.tokens;
  for (const [begin, end] of sequenceRows(rt.batch, share.tokens, share.tokensEnd)) {
    const first = token++ - back;
    const from = Math.max(begin, first);
    memory.f32.fill(0, y / 4, y / 4 + size * cols);
    let at = y + (from - first) * cols * 4;
    for (const { address, ld, rows } of rt.segments(x, from, Math.min(end, first + size))) {
      rt.kernels.copyRows({ x: address, ldx: ld, y: at, ldy: cols * 4, rows, cols });
      at += rows * cols * 4;
    }
    y += rt.stride(out);
  }
}
