/**
 * @file Which recorded steps a result needs, and how long each buffer is needed.
 */
import type { Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/** The steps that `target` depends on, in order. */
export function neededFor<S extends Step>(target: GraphTensor, steps: readonly S[]): S[] {
  const wanted = new Set<GraphTensor>([target.base]);
  const needed: S[] = [];
  for (const step of steps.toReversed()) {
    if (!wanted.has(step.out)) continue;
    needed.push(step);
    for (const { base } of step.inputs) wanted.add(base);
  }
  return needed.reverse();
}

/** The buffers that a step over graph tensors reads and writes. */
export function buffersOf({ inputs, out }: Pick<Step, 'inputs' | 'out'>): GraphTensor[] {
  const buffers = [out];
  for (const { base } of inputs) buffers.push(base);
  return buffers;
}

/**
 * The buffers that become free after each step.
 * @param uses the buffers that each step reads and writes
 * @param kept a buffer that is never freed
 */
export function freedAfter<B>(uses: readonly (readonly B[])[], kept: B): B[][] {
  const lastUse = new Map<B, number>();
  uses.forEach((buffers, i) => {
    for (const buffer of buffers) lastUse.set(buffer, i);
  });
  lastUse.delete(kept);
  return uses.map((buffers, i) =>
    // A buffer is freed once, even if a step uses it twice.
    buffers.filter((buffer) => lastUse.get(buffer) === i && lastUse.delete(buffer)),
  );
}
