/**
 * @file Copies the rows that come with a batch to the rows of this rank.
 */
import type { StepOf } from '../graph/step.ts';
import type { Runtime } from './runtime.ts';

/** `y[t]` = columns of the row that token `t` is given, added to the row of the input or replacing it. */
export function runGiven(rt: Runtime, { inputs: [x], out, start, isAdded }: StepOf<'given'>): void {
  const { kernels, memory, share } = rt;
  const { values, width, at } = rt.batch.given!;
  const { cols } = out;
  for (let r = 0; r < rt.rows(out); r++) {
    const y = rt.address(out) + r * rt.stride(out);
    const row = at[share.tokens + r];
    if (row >= 0) memory.f32.set(values.subarray(row * width + start, row * width + start + cols), y / 4);
    if (x === undefined) continue;
    const other = { lda: rt.stride(x), ldb: rt.stride(out), ldy: rt.stride(out), rows: 1, cols };
    const from = rt.address(x) + r * rt.stride(x);
    if (row < 0) kernels.copyRows({ x: from, ldx: rt.stride(x), y, ldy: rt.stride(out), rows: 1, cols });
    else if (isAdded) kernels.addRows({ ...other, a: from, b: y, y });
  }
}
