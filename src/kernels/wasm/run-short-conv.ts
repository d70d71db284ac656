/**
 * @file Runs the gated short convolution: the kernel gets the address of the row under each tap, which may be another rank's row.
 */
import { rowsBefore, sequenceRows } from '../../tensor/batch-rows.ts';
import type { StepOf } from '../graph/step.ts';
import type { Runtime } from './runtime.ts';
import type { WasmWeight } from './weights.ts';

/** Scratch of `runShortConv` for `rows` rows: an address for each tap of each row. */
export function shortConvScratch({ k: nTaps }: WasmWeight, rows: number): number {
  return rows * nTaps * 4 + 64;
}

/** Computes this rank's rows of the convolution. */
export function runShortConv(rt: Runtime, { inputs: [x], out, kernel, causal }: StepOf<'shortConv', WasmWeight>): void {
  const { share, memory, scratch } = rt;
  const { k: nTaps, n } = kernel;
  const back = rowsBefore(nTaps, causal);
  rt.quantized = undefined;
  let at = scratch / 4;
  let token = share.tokens;
  for (const [begin, end] of sequenceRows(rt.batch, share.tokens, share.tokensEnd)) {
    const first = token++ - back;
    const from = Math.max(begin, first);
    memory.i32.fill(0, at, at + nTaps);
    let tap = at + from - first;
    for (const { address, ld, rows } of rt.segments(x, from, Math.max(from, Math.min(end, first + nTaps)))) {
      for (let row = 0; row < rows; row++) memory.i32[tap++] = address + row * ld;
    }
    at += nTaps;
  }
  const rows = rt.rows(out);
  const to = { y: rt.address(out), ldy: rt.stride(out) };
  rt.kernels.shortConvRows({
    gate: rt.address(x),
    ldg: rt.stride(x),
    taps: scratch,
    nTaps,
    kernel: kernel.address,
    n,
    rows,
    ...to,
  });
}
