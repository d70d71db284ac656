/**
 * @file Shared by the fusing passes: finds a step whose result only one other step reads, and replaces both by one step.
 */
import type { Weight } from '../../tensor/ops.ts';
import type { Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/**
 * Replaces `first` and `reader` by the step that `join` returns. `join` is called for every step whose result is input `at` of exactly one
 * other step, except for views and pairs of which only one step is narrowed. If it returns `undefined`, both steps stay.
 * @param steps the needed steps, in order, of a forward that makes `target`
 */
export function joinSteps<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  join: (first: Step<W>, reader: Step<W>, at: number) => Step<W> | undefined,
): readonly Step<W>[] {
  const reads = new Map<GraphTensor, number>([[target.base, 1]]);
  for (const { inputs } of steps) for (const { base } of inputs) reads.set(base, (reads.get(base) ?? 0) + 1);
  const makers = new Map<GraphTensor, Step<W>>();
  const left = new Set<Step<W>>();
  for (const step of steps) {
    let joined = step;
    for (const [at, x] of step.inputs.entries()) {
      const first = makers.get(x);
      if (first === undefined || reads.get(x) !== 1 || first.row !== step.row) continue;
      const both = join(first, step, at);
      if (both === undefined) continue;
      left.delete(first);
      joined = both;
      break;
    }
    makers.set(joined.out, joined);
    left.add(joined);
  }
  return [...left];
}
