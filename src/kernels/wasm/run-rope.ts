/**
 * @file Runs rotary embedding: a table of cosines and sines a forward, shared by all layers with the same options.
 */
import type { RopeOptions } from '../../tensor/ops.ts';
import { yarnRamp } from '../../tensor/positions.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import type { Runtime } from './runtime.ts';
import type { WasmWeight } from './weights.ts';

/** Scratch of `fillRopeTable`. */
export function ropeScratch(nRot: number): number {
  return nRot * 2 + 64;
}

/** `table[t]` = cosine and sine of each pair at the token's position. */
export function fillRopeTable(rt: Runtime, table: GraphTensor, options: RopeOptions): void {
  const { nRot, freqBase, freqScale = 1, freqFactors, yarn } = options;
  const nPairs = nRot / 2;
  const stretched = yarn !== undefined && yarn.extFactor !== 0;
  let magnitude = yarn?.attnFactor ?? 1;
  let mix = 0;
  if (stretched) {
    magnitude *= 1 + 0.1 * Math.log(1 / freqScale);
    mix = rt.scratch;
    const { f32 } = rt.memory;
    for (let i = 0; i < nPairs; i++) f32[mix / 4 + i] = yarnRamp(i, options, yarn) * yarn.extFactor;
    rt.quantized = undefined;
  }
  const step = Math.fround(Math.fround(freqBase) ** Math.fround(-2 / nRot));
  const factors = freqFactors === undefined ? 0 : (freqFactors as WasmWeight).address;
  const at = rt.address(table);
  rt.kernels.fillRope({
    table: at,
    ldt: rt.stride(table),
    positions: rt.positions,
    rows: rt.rows(table),
    nPairs,
    step,
    freqScale,
    factors,
    mix,
    magnitude,
  });
}
