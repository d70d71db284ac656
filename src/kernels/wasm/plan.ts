/**
 * @file Decides which recorded steps run, and where each result is stored.
 *
 * Memory is planned over the whole list of steps: from the step that makes it to the last one that reads it, a result occupies some
 * *columns* of a slab (floats per row). Divided by rows, every rank has its own slab for its own rows, so that ranks never overwrite each
 * other's results. Divided by columns, all share one slab:
 * ```
 * address(tensor) = slab + rowsOf(slab) · column(tensor) · 4     (and the same for rows of sequences)
 * ```
 * Results of which only one strip exists at a time (`strips.ts`) occupy fewer columns.
 */
import { Allocator } from '../graph/allocator.ts';
import { fuseProducts } from '../graph/fuse-products.ts';
import { fuseRotations } from '../graph/fuse-rotations.ts';
import { buffersOf, freedAfter, neededFor } from '../graph/liveness.ts';
import { narrow } from '../graph/narrow.ts';
import { addRotationTables } from '../graph/rotation-tables.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { panelColumns, sharesActivations } from './forms/form.ts';
import { barriersBefore } from './split.ts';
import { exchanged, exchanges, leading, type WasmStep } from './steps.ts';
import { noStrips, type Strips, stripColumns, stripsOf } from './strips.ts';
import type { WasmWeight } from './weights.ts';

/** Positions of results in the slabs, in floats a row. */
export interface Layout {
  readonly tokenWidth: number;
  readonly sequenceWidth: number;
  /** By result, never by view. */
  readonly columns: ReadonlyMap<GraphTensor, number>;
}

/** The steps to run, and the positions of their results. */
export interface Plan {
  readonly todo: readonly WasmStep[];
  /** The steps with a barrier before them, if any sequence or product is divided. */
  readonly barriers: readonly boolean[];
  readonly layout: Layout;
  readonly strips: Strips;
}

/** Whether and how ranks divide a forward. */
export type PlanDivision = 'alone' | 'rows' | 'columns';

/**
 * Picks the steps that `target` needs and assigns positions to their results.
 * @param keepAll no step is omitted and no memory is reused (an observer looks at everything)
 * @param division `rows` or `columns`: how ranks divide products (`split.ts`); `alone`: there is one rank. By columns, any rank may read what
 *   another has written.
 * @param nStrips into how many strips feed-forward layers are cut, unless products are divided by columns (`strips.ts`)
 */
export function plan(
  steps: readonly WasmStep[],
  target: GraphTensor,
  nSeq: number,
  keepAll: boolean,
  division: PlanDivision,
  nStrips = 1,
): Plan {
  const recorded = addRotationTables(steps, (step) => (step.op === 'rope' ? step.options : undefined));
  const todo = keepAll ? recorded : fused(narrow(neededFor(target, recorded), target, nSeq), target);
  const barriers = division === 'columns' ? barriersBefore(todo) : todo.map(exchanges);
  const strips = keepAll || division === 'columns' ? noStrips : stripsOf(todo, target, nStrips);
  return { todo, barriers, layout: layOut(todo, target, barriers, keepAll, division, strips), strips };
}

/** Several products or rotations as one step. */
function fused(steps: readonly WasmStep[], target: GraphTensor): readonly WasmStep[] {
  return fuseRotations(fuseProducts(steps, target, areMultipliedAlike), target);
}

/** Whether both weights read the same quantised activations, and no panel of the first extends into the columns of the second. */
function areMultipliedAlike(first: WasmWeight, second: WasmWeight): boolean {
  return sharesActivations(first.products, second.products) && first.n % panelColumns === 0;
}

function layOut(
  todo: readonly WasmStep[],
  target: GraphTensor,
  barriers: readonly boolean[],
  keepAll: boolean,
  division: PlanDivision,
  strips: Strips,
): Layout {
  const slabs = { tokens: new Allocator(), sequences: new Allocator() };
  const columns = new Map<GraphTensor, number>();
  const freed = keepAll ? [] : freedAfter(todo.map(buffersOf), target.base);
  // The next strip reads the inputs of the whole run again.
  for (const [begin, end] of strips.runs) {
    for (let i = begin; i < end - 1; i++) freed[end - 1].push(...freed[i].splice(0));
  }
  const width = (tensor: GraphTensor) =>
    strips.between.has(tensor) ? stripColumns(leading(tensor), strips.count) : leading(tensor);
  const release = (tensor: GraphTensor) => slabs[tensor.space].give(columns.get(tensor)!, width(tensor));
  // A slower rank may still be reading what it may read since the last barrier.
  const exposed = new Set<GraphTensor>();
  let heldBack: GraphTensor[] = [];
  todo.forEach((step, i) => {
    if (barriers[i]) {
      heldBack.forEach(release);
      heldBack = [];
      exposed.clear();
    }
    columns.set(step.out, slabs[step.out.space].take(width(step.out)));
    if (keepAll) return;
    if (division === 'rows') for (const { base } of exchanged(step)) exposed.add(base);
    for (const tensor of freed[i]) {
      if (division === 'columns' || exposed.has(tensor)) heldBack.push(tensor);
      else release(tensor);
    }
  });
  return { tokenWidth: slabs.tokens.end, sequenceWidth: slabs.sequences.end, columns };
}
