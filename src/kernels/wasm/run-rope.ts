/**
 * @file Runs rotary embedding. A forward has one table of cosines and sines, shared by all layers with the same options.
 */
import { coordinatesOf } from '../../tensor/batch-rows.ts';
import { log, pow } from '../../tensor/exact-math.ts';
import type { RopeOptions } from '../../tensor/ops.ts';
import { frequencies, pairTurns, yarnRamp } from '../../tensor/positions.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import type { Runtime } from './runtime.ts';
import type { WasmWeight } from './weights.ts';

/** Added to the coordinate of a pair at which the frequencies start again. */
const restart = 4;

/** Scratch of `fillRopeTable` for `rows` tokens: YaRN's mix, the coordinate of each pair, and the tokens' coordinates. */
export function ropeScratch({ nRot, coordinates }: RopeOptions, rows: number): number {
  return nRot * 2 + 64 + (coordinates === undefined ? 0 : nRot * 2 + rows * 16);
}

/** `table[t]` = cosine and sine of each pair at the token's position. */
export function fillRopeTable(rt: Runtime, table: GraphTensor, options: RopeOptions): void {
  const { nRot, freqBase, freqScale = 1, freqFactors, yarn } = options;
  const nPairs = nRot / 2;
  const stretched = yarn !== undefined && yarn.extFactor !== 0;
  let magnitude = yarn?.attnFactor ?? 1;
  let mix = 0;
  if (stretched) {
    magnitude *= 1 + 0.1 * log(1 / freqScale);
    mix = rt.scratch;
    const { f32 } = rt.memory;
    for (let i = 0; i < nPairs; i++) f32[mix / 4 + i] = yarnRamp(i, options, yarn) * yarn.extFactor;
    rt.quantized = undefined;
  }
  const step = Math.fround(pow(Math.fround(freqBase), Math.fround(-2 / frequencies(options).nRot)));
  const factors = freqFactors === undefined ? 0 : (freqFactors as WasmWeight).address;
  const at = rt.address(table);
  rt.kernels.fillRope({
    table: at,
    ldt: rt.stride(table),
    ...placeCoordinates(rt, options),
    rows: rt.rows(table),
    nPairs,
    step,
    freqScale,
    factors,
    mix,
    magnitude,
  });
}

/** Gives the kernel the coordinate of each pair, and the positions or coordinates of this rank's tokens. */
function placeCoordinates(
  rt: Runtime,
  { nRot, coordinates }: RopeOptions,
): { positions: number; ldp: number; turns: number } {
  if (coordinates === undefined) return { positions: rt.positions, ldp: 4, turns: 0 };
  const { i32 } = rt.memory;
  const turns = rt.scratch + nRot * 2;
  pairTurns(coordinates, nRot / 2).forEach(({ coordinate, frequency }, i) => {
    i32[turns / 4 + i] = coordinate + (frequency === 0 ? restart : 0);
  });
  const positions = turns + nRot * 2;
  const { tokens, tokensEnd } = rt.share;
  i32.set(coordinatesOf(rt.batch).subarray(4 * tokens, 4 * tokensEnd), positions / 4);
  rt.quantized = undefined;
  return { positions, ldp: 16, turns };
}
