/**
 * @file Which recorded steps are done, and where each result will lie.
 *
 * Memory is planned over the whole list of steps: a result lives from the step that makes it to the last one that reads it, in some
 * *columns* of a slab (floats per row). Divided by rows, every rank has a slab of its own for its own rows, so that ranks never write
 * over each other however far apart they run; by columns, all have one slab together:
 * ```
 * address(tensor) = slab + rowsOf(slab) · tensor.column · 4     (and the same for rows of sequences)
 * ```
 */
import { Places } from '../../tensor/places.ts';
import type { Step, WasmTensor } from './graph.ts';
import { narrow } from './narrow.ts';
import { meetings } from './split.ts';

/** How wide the slabs are, in floats a row. */
export interface Layout {
  readonly tokenWidth: number;
  readonly sequenceWidth: number;
}

/** What is to be done, and where the results lie. */
export interface Plan {
  readonly todo: readonly Step[];
  /** Before which of them ranks meet, if any sequence or product is divided. */
  readonly meets: readonly boolean[];
  readonly layout: Layout;
}

/**
 * Picks the steps that `target` needs and gives their results places.
 * @param keepAll nothing is used twice (an observer looks at everything)
 * @param byColumns products are divided by columns, so that any rank may read what another has written
 */
export function plan(
  steps: readonly Step[],
  target: WasmTensor,
  nSeq: number,
  keepAll: boolean,
  byColumns: boolean,
): Plan {
  const wanted = new Set<WasmTensor>([target.base]);
  const needed: Step[] = [];
  for (const step of steps.toReversed()) {
    step.out.column = -1;
    step.out.lastUse = -1;
    if (!keepAll && !wanted.has(step.out)) continue;
    needed.push(step);
    for (const { base } of step.inputs) wanted.add(base);
  }
  needed.reverse();
  const todo = keepAll ? needed : narrow(needed, target, nSeq);
  todo.forEach(({ inputs }, i) => {
    for (const { base } of inputs) base.lastUse = i;
  });
  target.base.lastUse = todo.length;
  const meets = byColumns ? meetings(todo) : todo.map(({ exchange = false }) => exchange);
  const columns = { tokens: new Places(), sequences: new Places() };
  const release = (tensor: WasmTensor) => columns[tensor.space].give(tensor.column, tensor.ld);
  // What others may read since the last meeting may still be read by a slower rank.
  const exposed = new Set<WasmTensor>();
  let heldBack: WasmTensor[] = [];
  todo.forEach((step, i) => {
    if (meets[i]) {
      heldBack.forEach(release);
      heldBack = [];
      exposed.clear();
    }
    step.out.column = columns[step.out.space].take(step.out.ld);
    if (keepAll) return;
    const done = [...new Set([...step.inputs, step.out].map(({ base }) => base))].filter(({ lastUse }) => lastUse <= i);
    if (step.exchange) for (const { base } of step.inputs) exposed.add(base);
    for (const tensor of done) {
      if (byColumns || exposed.has(tensor)) heldBack.push(tensor);
      else release(tensor);
    }
  });
  return { todo, meets, layout: { tokenWidth: columns.tokens.end, sequenceWidth: columns.sequences.end } };
}
