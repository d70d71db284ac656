/**
 * @file Linear layers: which kernel computes a product, over the parts of a weight. The strategy is the weight's, for any
 * number of rows; the tile, or the kernel for few rows, changes no bit.
 */
import type { Activation, Linear, StepNames, Tensor } from '../../../tensor/ops.ts';
import type { Context } from '../context.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { skinnyRows } from '../shaders/matmul-skinny.wgsl.ts';
import { skinny, tiled } from '../strategies.ts';
import type { Dispatch, GpuTensor } from '../tensor.ts';
import type { Tuner } from '../tuner.ts';
import { noVector } from '../vectors.ts';
import type { GpuWeight, Part } from '../weights.ts';
import { quantized } from './quantize.ts';

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
  const operand = tuner.strategy(weight) === 'int8' ? quantized(ctx, x) : x;
  const { names } = options;
  // The result is the last step that there is, whatever the caller calls it.
  const last = r !== undefined ? undefined : activation !== undefined ? 'activated' : layer.bias ? 'biased' : 'product';
  return ctx.record({
    op: `linear ${weight.name}`,
    options,
    name: names?.out ?? (last === undefined ? undefined : names?.[last]),
    reads: { x: operand, r },
    writes: y,
    prepare: () => tuner.prepare(weight, x.rows),
    dispatches: () => weight.parts.map((part) => launch(tuner, weight, part, operand, y, r, epilogue)),
  });
}

/** The launch for one part of the weight. */
function launch(
  tuner: Tuner,
  weight: GpuWeight,
  part: Part,
  x: GpuTensor,
  y: GpuTensor,
  r: GpuTensor | undefined,
  epilogue: Epilogue,
): Dispatch {
  const product = { strategy: tuner.strategy(weight), weight, part, rows: x.rows, epilogue };
  if (x.rows <= skinnyRows && tuner.mayBeSkinny(weight)) return skinny(product, tuner.style);
  const wide = x.aligned && y.aligned && (r?.aligned ?? true);
  return tiled(product, tuner.tile(weight, x.rows), tuner.style, wide);
}
