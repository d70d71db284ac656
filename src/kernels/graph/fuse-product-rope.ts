/**
 * @file Pass: a product whose first columns are heads to be rotated (queries and keys, side by side) and their rotation become one step.
 *
 * Buys     one launch less a layer on webgpu; queries and keys are written once, rotated.
 * Not for  wasm, whose kernels make the same passes either way; columns that another step reads before they are rotated; a product with a
 *          residual or an activation; narrowed queries (`narrow.ts`); whatever the backend declines; an observed forward.
 */
import type { Weight } from '../../tensor/ops.ts';
import { Moved, namesOf } from './moved.ts';
import type { LinearStep, RopeStep, Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/**
 * @param steps the needed steps, in order, of a forward that makes `target`
 * @param accepts whether the backend rotates these heads in one step with this product
 */
export function fuseProductRope<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  accepts: (product: LinearStep<W>, rope: RopeStep) => boolean,
): readonly Step<W>[] {
  const rotations = rotationsOf(steps, target, accepts);
  const fused = new Set<Step<W>>(rotations.values());
  const moved = new Moved();
  const left: Step<W>[] = [];
  for (const step of steps) {
    if (fused.has(step)) continue;
    const rope = step.op === 'linear' ? rotations.get(step) : undefined;
    if (rope === undefined || step.op !== 'linear') {
      left.push(moved.reading(step));
      continue;
    }
    moved.put(rope.out, step.out, 0);
    const { inputs } = moved.reading(step);
    left.push({ ...step, inputs, name: namesOf([step, rope]), rotation: rope.options });
  }
  return left;
}

/** The rotation of each product that can include it. */
function rotationsOf<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  accepts: (product: LinearStep<W>, rope: RopeStep) => boolean,
): ReadonlyMap<Step<W>, RopeStep> {
  const products = new Map<GraphTensor, LinearStep<W>>();
  const rotations = new Map<Step<W>, RopeStep>();
  for (const step of steps) {
    if (step.op === 'linear') products.set(step.out, step);
    if (step.op !== 'rope' || step.row !== undefined || step.out === target.base) continue;
    const [x] = step.inputs;
    const product = products.get(x.base);
    if (product === undefined || product.out === target.base || !isPlain(product) || x.start !== 0) continue;
    if (!accepts(product, step)) continue;
    const isReadBefore = (other: Step<W>) => other.inputs.some(({ base, start }) => base === x.base && start < x.cols);
    if (!steps.some((other) => other !== step && isReadBefore(other))) rotations.set(product, step);
  }
  return rotations;
}

function isPlain<W>({ inputs, activation, glu, norm, row }: LinearStep<W>): boolean {
  return (
    inputs.length === 1 && activation === undefined && glu === undefined && norm === undefined && row === undefined
  );
}
