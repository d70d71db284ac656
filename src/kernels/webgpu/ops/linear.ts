/**
 * @file Linear layers: which kernel computes a product, over the parts of a weight. The strategy is the weight's, for any
 * number of rows; the tile, or the kernel for few rows, changes no bit.
 */
import type { LinearStep } from '../../graph/step.ts';
import type { Forward } from '../forward.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { skinnyRows } from '../shaders/matmul-skinny.wgsl.ts';
import { type Epilogue, skinny, tiled } from '../strategies.ts';
import { type Dispatch, type GpuTensor, labelOf } from '../tensor.ts';
import type { Tuner } from '../tuner.ts';
import type { GpuWeight, Part } from '../weights.ts';
import { quantized } from './quantize.ts';

/** `activation(scale · x Wᵀ + bias) + residual` in one launch a part. */
export function linear(fw: Forward, tuner: Tuner, step: LinearStep<GpuWeight>): void {
  const { weight, bias, scale, activation, inputs } = step;
  const r = inputs.length === 1 ? undefined : fw.of(inputs[1]);
  const epilogue: Epilogue = {
    scaleAt: fw.ctx.vector(scale),
    biasAt: fw.ctx.vector(bias),
    activation: activation === undefined ? 0 : activationCode[activation],
    hasResidual: r === undefined ? 0 : 1,
  };
  product(fw, tuner, weight, fw.of(inputs[0]), fw.of(step.out), r, epilogue, labelOf(`linear ${weight.name}`, step));
}

/** The launches of one product into `y`. */
export function product(
  fw: Forward,
  tuner: Tuner,
  weight: GpuWeight,
  x: GpuTensor,
  y: GpuTensor,
  r: GpuTensor | undefined,
  epilogue: Epilogue,
  label: string,
): GpuTensor {
  const operand = tuner.strategy(weight) === 'int8' ? quantized(fw, x) : x;
  return fw.add({
    label,
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
