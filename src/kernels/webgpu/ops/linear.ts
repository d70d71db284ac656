/**
 * @file Linear layers: chooses the kernel of a product, over the parts of a weight. The weight determines the strategy, for any number of
 * rows. The tile, or the kernel for few rows, does not change a bit.
 */
import type { LinearPart, LinearStep, RopeStep } from '../../graph/step.ts';
import type { Forward } from '../forward.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { skinnyRows } from '../shaders/matmul-skinny.wgsl.ts';
import type { LinearForm } from '../shaders/product-form.wgsl.ts';
import { type Epilogue, halfForm, skinny, tiled } from '../strategies.ts';
import { type Dispatch, GpuTensor, labelOf } from '../tensor.ts';
import type { Tuner } from '../tuner.ts';
import { noVector } from '../vectors.ts';
import type { GpuWeight, Part } from '../weights.ts';
import { normLaunch } from './norm.ts';
import { quantized } from './quantize.ts';

/**
 * With more rows than this, a norm is a launch of its own: each tile of outputs would norm the rows again, and a launch costs little beside
 * such a product.
 */
const mostNormedRows = 256;

/** Whether a product norms its input in its own launch. A check on the device may still refuse it (see `tuner.ts`). */
export function mayNormInput(tuner: Tuner, { parts, out }: LinearStep<GpuWeight>): boolean {
  return out.rows <= mostNormedRows && tuner.style.matrix === undefined && tuner.strategy(parts[0].weight) === 'float';
}

/** Whether a product rotates heads of its result in its own launch. The kernel for few rows does not, nor one that norms its input. */
export function mayRotate(
  tuner: Tuner,
  product: LinearStep<GpuWeight>,
  { inputs: [heads], options }: RopeStep,
): boolean {
  const { parts, out } = product;
  const { kind, nHead, nRot } = options;
  if (out.rows <= skinnyRows || parts[0].weight.parts.length > 1 || mayNormInput(tuner, product)) return false;
  const isWhole = heads.cols === nHead * nRot && out.cols % nRot === 0;
  return isWhole && nRot % (kind === 'neox' ? 8 : 4) === 0;
}

/** `activation(scale · x Wᵀ + bias) + residual`: one launch for each part of the weight, or one launch for adjacent weights. */
export function linear(fw: Forward, tuner: Tuner, step: LinearStep<GpuWeight>): void {
  const { parts, glu, activation = glu, inputs, norm, rotation } = step;
  const halves = norm === undefined && tuner.takesHalves(parts[0].weight) ? fw.halvesOf(inputs[0]) : undefined;
  const [x, other] = [halves ?? fw.of(inputs[0]), inputs[1] && fw.of(inputs[1])];
  const [r, t] = rotation === undefined ? [other, undefined] : [undefined, other];
  const out = fw.of(step.out);
  const epilogue: Epilogue = {
    scaleAt: fw.ctx.vector(parts[0].scale),
    biasAt: biases(fw, parts),
    activation: activation === undefined ? 0 : activationCode[activation],
    hasResidual: r === undefined || norm !== undefined ? 0 : 1,
  };
  const label = labelOf(`linear ${parts.map(({ weight }) => weight.name).join(', ')}`, step);
  const form =
    rotation !== undefined
      ? (`rotated ${rotation.kind} ${rotation.nRot}` as const)
      : glu !== undefined
        ? 'gated'
        : 'plain';
  const rotatedCols = rotation && rotation.nHead * rotation.nRot;
  const operands: Operands = { parts, x, y: out, r, t, epilogue, form, rotatedCols, label };
  if (norm === undefined) product(fw, tuner, operands);
  else normedProduct(fw, tuner, norm, { ...operands, y: columnsOf(out, 0, out.cols - x.cols) });
}

/** A product that norms its input, and writes the normed rows behind its own columns if they are kept. */
function normedProduct(
  fw: Forward,
  tuner: Tuner,
  norm: NonNullable<LinearStep<GpuWeight>['norm']>,
  operands: Operands,
): void {
  const { parts, x, r, y, form, label } = operands;
  const [{ weight }] = parts;
  const values = {
    normWeightAt: fw.ctx.vector(norm.weight),
    normBiasAt: fw.ctx.vector(norm.bias),
    centred: norm.kind === 'layer' ? 1 : 0,
    eps: norm.eps,
    addsFirst: norm.hasResidual ? 1 : 0,
    normedFrom: noVector,
  };
  fw.add({
    label: `${norm.kind} norm ${norm.weight.name}, ${label}`,
    reads: { x, r },
    writes: y,
    prepare: () => tuner.prepare(weight, x.rows),
    dispatches: () => {
      if (tuner.mayNorm(weight, x.rows, form === 'gated')) {
        return partsOf(operands).map((part, i) => {
          const normedFrom = i === 0 && norm.isKept ? y.cols : noVector;
          return launch(tuner, part, { ...operands, norm: { ...values, normedFrom } });
        });
      }
      const normed = columnsOf(y, y.cols, x.cols);
      const tensors = { x: normed, y };
      return [
        normLaunch(fw, tuner.style, norm, { x, r, y: normed }),
        ...partsOf(operands).map((part) => ({
          ...launch(tuner, part, { ...operands, ...tensors, r: undefined }),
          tensors,
        })),
      ];
    },
  });
}

/** `cols` columns of the rows of `x`, from column `start` on. */
function columnsOf(x: GpuTensor, start: number, cols: number): GpuTensor {
  return new GpuTensor(x.slab, x.rows, cols, x.start + start, x.stride);
}

/** Offset of the biases of all columns. A weight without a bias gets zeros if another one has a bias. */
function biases({ ctx }: Forward, parts: readonly LinearPart<GpuWeight>[]): number {
  const offsets = parts.map(({ bias }) => ctx.vector(bias));
  if (parts.length === 1 || offsets.every((at) => at === noVector)) return offsets[0];
  return ctx.vectors.derive(`biases ${offsets.join(' ')}`, () => {
    const values = parts.map(({ weight: { nRows } }, i) =>
      offsets[i] === noVector ? new Float32Array(nRows) : ctx.vectors.get(offsets[i], nRows),
    );
    return Float32Array.from(values.flatMap((part) => [...part]));
  });
}

/** A product of whole weights. */
interface Operands {
  /** Several weights are adjacent in one buffer. */
  readonly parts: readonly Pick<LinearPart<GpuWeight>, 'weight'>[];
  readonly x: GpuTensor;
  readonly y: GpuTensor;
  /** The residual. */
  readonly r?: GpuTensor;
  /** The angles of a product that rotates. */
  readonly t?: GpuTensor;
  readonly epilogue: Epilogue;
  readonly form?: LinearForm;
  readonly rotatedCols?: number;
  /** The norm of `x` in the same launch (see `Product`). */
  readonly norm?: Readonly<Record<string, number>>;
  readonly label: string;
}

/** The launches of a product. */
export function product(fw: Forward, tuner: Tuner, operands: Operands): void {
  const { parts, x, y, r, t, label } = operands;
  const [{ weight }] = parts;
  const operand = tuner.strategy(weight) === 'int8' ? quantized(fw, x) : x;
  fw.add({
    label,
    reads: { x: operand, r, t },
    writes: y,
    prepare: () => tuner.prepare(weight, x.rows),
    dispatches: () => partsOf(operands).map((part) => launch(tuner, part, { ...operands, x: operand })),
  });
}

/** The parts of a single weight, or several weights as one part. */
function partsOf({ parts: [{ weight }, ...others] }: Operands): readonly Part[] {
  if (others.length === 0) return weight.parts;
  const nRows = others.reduce((sum, other) => sum + other.weight.nRows, weight.nRows);
  return [{ ...weight.parts[0], nRows }];
}

/** The launch for one part of the weight. */
function launch(tuner: Tuner, part: Part, operands: Operands): Dispatch {
  const { parts, x, y, r, epilogue, form = 'plain', rotatedCols, norm } = operands;
  const [{ weight }] = parts;
  const stored = y.halvesFrom < y.cols ? halfForm(tuner.style) : 'f32';
  const forms = { from: x.isHalf ? 'f16' : 'f32', stored, halvesFrom: y.halvesFrom } as const;
  const product = {
    strategy: tuner.strategy(weight),
    weight,
    part,
    rows: x.rows,
    epilogue,
    form,
    rotatedCols,
    norm,
    ...forms,
  };
  if (x.rows <= skinnyRows && tuner.mayBeSkinny(weight)) return skinny(product, tuner.style);
  const wide = x.aligned && y.aligned && (r?.aligned ?? true);
  return tiled(product, tuner.tile(weight, x.rows), tuner.style, wide);
}
