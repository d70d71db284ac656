/**
 * @file Norms: of whole rows or of heads, with the operations that are fused into them, and the launch that other steps share.
 */
import type { NormStep } from '../../graph/step.ts';
import type { Forward } from '../forward.ts';
import { grid } from '../kernel.ts';
import { norm as normKernel, normSlices } from '../shaders/norm.wgsl.ts';
import { halfForm, type Style } from '../strategies.ts';
import { type Dispatch, type GpuTensor, labelOf } from '../tensor.ts';
import type { GpuWeight } from '../weights.ts';
import { type RopeTables, rotationValues } from './rope.ts';

/** Layer or RMS norm of whole rows or of slices, with the operations that are fused into it. */
export function norm(fw: Forward, tables: RopeTables, style: Style, step: NormStep<GpuWeight>): void {
  const { kind, weight, hasResidual, isAdded = false, rotation, inputs, row } = step;
  const [x, ...others] = inputs.map((input) => fw.of(input));
  const tensors = {
    x,
    r: hasResidual ? others[0] : undefined,
    a: isAdded ? others.at(-1) : undefined,
    y: fw.of(step.out),
    h: fw.halvesOf(step.out),
  };
  const { y, h, ...reads } = tensors;
  const table = rotation && tables.table(fw, rotation);
  const values = rotation && rotationValues(fw, rotation, row);
  fw.add({
    label: labelOf(`${kind} norm ${weight.name}`, step),
    reads,
    writes: y,
    prepare: table?.prepare,
    dispatches: () => [{ ...normLaunch(fw, style, step, tensors, rotation?.kind, values), bound: table?.bound }],
  });
}

/** What a norm reads and writes: `r` is its residual, `a` is added to the result. */
interface NormTensors {
  readonly x: GpuTensor;
  readonly r?: GpuTensor;
  readonly a?: GpuTensor;
  /** The result; f16 if it is `h`. */
  readonly y: GpuTensor;
  /** The result as f16. */
  readonly h?: GpuTensor;
}

/**
 * The launch of a norm.
 * @param rotation how the values of a slice are paired, if they are rotated, and the values that this needs
 */
export function normLaunch(
  { ctx }: Forward,
  style: Style,
  step: Pick<NormStep<GpuWeight>, 'weight' | 'bias' | 'kind' | 'eps'> &
    Partial<Pick<NormStep<GpuWeight>, 'groups' | 'next'>>,
  tensors: NormTensors,
  rotation: 'norm' | 'neox' | 'none' = 'none',
  rotationValues: Readonly<Record<string, number>> = {},
): Dispatch {
  const { weight, bias, kind, eps, groups = 1, next } = step;
  const { x, r, a, y, h } = tensors;
  const n = x.cols / groups;
  const values = {
    hasResidual: r === undefined ? 0 : 1,
    isAdded: a === undefined ? 0 : 1,
    rows: x.rows,
    n,
    groups,
    weightAt: ctx.vector(weight),
    biasAt: ctx.vector(bias),
    centred: kind === 'layer' ? 1 : 0,
    eps,
    nextFrom: next?.from ?? groups,
    nextWeightAt: ctx.vector(next?.weight),
    nextBiasAt: ctx.vector(next?.bias),
    ...rotationValues,
  };
  const isWide = rotation === 'none' && n % 4 === 0 && [x, r, a, y, h].every((tensor) => tensor?.aligned ?? true);
  return {
    kernel: normKernel(rotation, isWide, h === undefined ? 'f32' : halfForm(style), !y.isHalf),
    values,
    tensors: { x, r, a, y, h },
    grid: grid(Math.ceil((x.rows * groups) / normSlices)),
  };
}
