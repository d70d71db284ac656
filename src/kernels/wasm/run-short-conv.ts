/**
 * @file Runs the gated short convolution: the kernel gets the address of the row under each tap, which may be another rank's row.
 */
import { rowsBefore, sequenceRows } from '../../tensor/batch.ts';
import type { StepOf } from '../graph/step.ts';
import type { Runtime } from './runtime.ts';
import type { WasmWeight } from './weights.ts';

/** Scratch of `runShortConv` for `rows` rows: an address for each tap of each row. */
export function shortConvScratch({ k: nTaps }: WasmWeight, rows: number): number {
  return rows * nTaps * 4 + 64;
}

/** Computes this rank's rows of the convolution. */
export function runShortConv(rt: Runtime, { inputs: [x], out, kernel, causal }: StepOf<'shortConv', WasmWeight>): void {
  const { shares, share, memory, scratch } = rt;
  const { k: nTaps, n } = kernel;
  const back = rowsBefore(nTaps, causal);
  const stride = rt.stride(x);
  const rowAt = (token: number) => {
    const rank = shares.findIndex(({ tokens, tokensEnd }) => token >= tokens && token < tokensEnd);
    return rt.address(x, rank) + (token - shares[rank].tokens) * stride;
  };
  rt.quantized = undefined;
  let at = scratch / 4;
  let token = share.tokens;
  for (const [begin, end] of sequenceRows(rt.batch, share.tokens, share.tokensEnd)) {
    for (let tap = token - back; tap < token - back + nTaps; tap++) {
      memory.i32[at++] = tap >= begin && tap < end ? rowAt(tap) : 0;
    }
    token++;
  }
  const rows = rt.rows(out);
  const to = { y: rt.address(out), ldy: rt.stride(out) };
  rt.kernels.shortConvRows({
    gate: rt.address(x),
    ldg: stride,
    taps: scratch,
    nTaps,
    kernel: kernel.address,
    n,
    rows,
    ...to,
  });
}
