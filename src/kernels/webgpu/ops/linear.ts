/**
 * @file Linear layers: which kernel computes a product, and how it is launched over the parts of a weight.
 *
 * All strategies in exact arithmetic add in the same order, so the choice may depend on the number of rows.
 */
import type { Activation, Linear, StepNames, Tensor } from '../../../tensor/ops.ts';
import type { Context } from '../context.ts';
import { grid } from '../kernel.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { matmulSkinny, skinnyOutputs, skinnyRows } from '../shaders/matmul-skinny.wgsl.ts';
import { matmulTile } from '../shaders/matmul-tile.wgsl.ts';
import type { Dispatch, GpuTensor } from '../tensor.ts';
import type { Tuner } from '../tuner.ts';
import { noVector } from '../vectors.ts';
import type { GpuWeight, Part } from '../weights.ts';

type LinearOptions = { activation?: Activation; residual?: Tensor } & StepNames<'product' | 'biased' | 'activated'>;

/** What the epilogue of a product needs. */
export interface Epilogue {
  readonly scaleAt: number;
  readonly biasAt: number;
  readonly activation: number;
  readonly hasResidual: number;
}

/** An epilogue that does nothing. */
export const plainEpilogue: Epilogue = { scaleAt: noVector, biasAt: noVector, activation: 0, hasResidual: 0 };

/** `activation(scale · x Wᵀ + bias) + residual` in one launch a part. */
export function linear(
  ctx: Context,
  tuner: Tuner,
  input: Tensor,
  layer: Linear,
  options: LinearOptions = {},
): GpuTensor {
  const x = ctx.own(input);
  const nOut = layer.weight.shape[1] ?? 1;
  const weight = ctx.weight(layer.weight, x.cols, nOut);
  const y = ctx.run.tensor(x.rows, nOut);
  const { activation, residual } = options;
  const r = residual === undefined ? undefined : ctx.ownShaped(residual, x.rows, nOut, 'the residual');
  const epilogue: Epilogue = {
    scaleAt: ctx.vector(layer.scale, 1),
    biasAt: ctx.vector(layer.bias, nOut),
    activation: activation === undefined ? 0 : activationCode[activation],
    hasResidual: r === undefined ? 0 : 1,
  };
  const { names } = options;
  // The result is the last step that there is, whatever the caller calls it.
  const last = r !== undefined ? undefined : activation !== undefined ? 'activated' : layer.bias ? 'biased' : 'product';
  return ctx.record({
    op: `linear ${weight.name}`,
    options,
    name: names?.out ?? (last === undefined ? undefined : names?.[last]),
    reads: { x, r },
    writes: y,
    prepare: () => tuner.prepare(weight, x.rows),
    dispatches: () => weight.parts.map((part) => product(tuner, weight, part, x, y, r, epilogue)),
  });
}

/** The launch for one part of the weight. */
export function product(
  tuner: Tuner,
  weight: GpuWeight,
  part: Part,
  x: GpuTensor,
  y: GpuTensor,
  r: GpuTensor | undefined,
  epilogue: Epilogue,
): Dispatch {
  const { type } = weight.loader!;
  const values = {
    rows: x.rows,
    nIn: weight.rowLength,
    nOut: part.nRows,
    firstOut: part.firstRow,
    blocksPerRow: weight.blocksPerRow,
    ...epilogue,
  };
  if (x.rows <= skinnyRows && tuner.mayBeSkinny(type)) {
    const m = 2 ** Math.ceil(Math.log2(x.rows));
    const groups = Math.ceil(part.nRows / skinnyOutputs);
    return { kernel: matmulSkinny(type, m, tuner.rolled, tuner.halves), values, bound: part, grid: grid(groups) };
  }
  const { bm, bn, tm, tn } = tuner.tile(weight, x.rows);
  const wide = x.aligned && y.aligned && (r?.aligned ?? true) && part.nRows % 4 === 0;
  const kernel = matmulTile(type, bm, bn, tm, tn, wide, false, tuner.rolled, tuner.halves);
  return { kernel, values, bound: part, grid: grid(Math.ceil(part.nRows / bn) * Math.ceil(x.rows / bm)) };
}
