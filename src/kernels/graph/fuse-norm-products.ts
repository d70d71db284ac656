/**
 * @file Pass: a norm of whole rows and the product that reads it first become one step, `norm(x + r) Wᵀ` (attention's and the feed-forward
 * layer's input, twice a layer). The normed rows follow the columns of the product, for steps that read them later (the residual of a
 * post-norm layer).
 *
 * Buys     one launch less on webgpu.
 * Not for  wasm, whose kernels make the same passes either way; a norm of heads, or with an addition or a rotation; a norm that a step other
 *          than a product reads first; a product with a residual; whatever the backend declines; an observed forward.
 */
import type { Weight } from '../../tensor/ops.ts';
import { Moved } from './moved.ts';
import type { LinearStep, NormStep, Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/**
 * @param steps the needed steps, in order, of a forward that makes `target`
 * @param accepts whether the backend norms the input of this product in one step with it
 */
export function fuseNormProducts<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  accepts: (product: LinearStep<W>) => boolean,
): readonly Step<W>[] {
  const norms = normsOf(steps, target, accepts);
  const fused = new Set<Step<W>>(norms.values());
  const moved = new Moved();
  const left: Step<W>[] = [];
  for (const step of steps) {
    if (fused.has(step)) continue;
    const norm = step.op === 'linear' ? norms.get(step) : undefined;
    if (norm === undefined || step.op !== 'linear') {
      left.push(moved.reading(step));
      continue;
    }
    const { weight, bias, kind, eps, hasResidual } = norm;
    const isKept = steps.some((other) => other !== step && other.inputs.some(({ base }) => base === norm.out));
    const { inputs } = moved.reading(norm);
    left.push({
      ...step,
      inputs,
      out: moved.join([step.out, norm.out]),
      norm: { weight, bias, kind, eps, hasResidual, isKept },
    });
  }
  return left;
}

/** The norm of each product that is the first to read it. */
function normsOf<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  accepts: (product: LinearStep<W>) => boolean,
): ReadonlyMap<Step<W>, NormStep<W>> {
  const unread = new Map<GraphTensor, NormStep<W>>();
  const norms = new Map<Step<W>, NormStep<W>>();
  for (const step of steps) {
    for (const x of step.inputs) {
      const norm = unread.get(x.base);
      if (norm === undefined) continue;
      unread.delete(x.base);
      if (step.op !== 'linear' || step.inputs.length !== 1 || x !== norm.out || step.row !== norm.row) continue;
      if (step.out !== target.base && accepts(step)) norms.set(step, norm);
    }
    if (step.op === 'norm' && step.groups === 1 && !step.isAdded && step.rotation === undefined) {
      if (step.out !== target.base) unread.set(step.out, step);
    }
  }
  return norms;
}
