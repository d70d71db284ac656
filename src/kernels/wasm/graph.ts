/**
 * @file What the operations record, and where each result will lie.
 *
 * A forward is a list of steps. Memory is planned over the whole list: a result lives from the step that makes it to the
 * last one that reads it, in some *columns* of a slab (floats per row). Divided by rows, every rank has a slab of its own for its
 * own rows, so that ranks never write over each other however far apart they run; by columns, all have one slab together:
 * ```
 * address(tensor) = slab + rowsOf(slab) · tensor.column · 4     (and the same for rows of sequences)
 * ```
 */
import type { PoolKind, StepNames, Tensor } from '../../tensor/ops.ts';
import { rowStride } from './memory.ts';
import { type Narrowed, narrow } from './narrow.ts';
import type { Runtime } from './runtime.ts';
import { meetings } from './split.ts';
import type { Products } from './weights.ts';

/** What a tensor's rows are. */
export type Space = 'tokens' | 'sequences';

/** A result of a step, or a view of some of its columns. */
export class WasmTensor implements Tensor {
  readonly rows: number;
  readonly cols: number;
  readonly #space: Space;
  /** Floats from row to row: a multiple of 16. */
  readonly ld: number;
  /** First column of a view in `base`. */
  readonly start: number;
  readonly #base: WasmTensor | undefined;
  /** Where it lies in the slabs, in floats a row; -1 while it does not lie anywhere. Of a base only. */
  column = -1;
  /** Last step that reads it. Of a base only. */
  lastUse = -1;
  /** Only one row of each sequence is computed (`narrow.ts`). Of a base only. */
  isNarrow = false;

  constructor(rows: number, cols: number, space: Space, base?: WasmTensor, start = 0) {
    this.rows = rows;
    this.cols = cols;
    this.#space = space;
    this.ld = base?.ld ?? rowStride(cols * 4) / 4;
    this.#base = base?.base;
    this.start = start + (base?.start ?? 0);
  }

  /** The tensor that owns the memory. */
  get base(): WasmTensor {
    return this.#base ?? this;
  }

  get space(): Space {
    return this.base.isNarrow ? 'sequences' : this.#space;
  }
}

/** One recorded operation. */
export interface Step {
  /** For the profile. */
  readonly op: string;
  readonly inputs: readonly WasmTensor[];
  readonly out: WasmTensor;
  /** Reads rows of other ranks. */
  readonly exchange?: boolean;
  /** A product of `inputs[0]` with a weight, in these numbers; ranks may divide its columns (`split.ts`). */
  readonly product?: Products['kind'];
  /** Computes each row from the same row of its inputs (`rows`), or of the first of them alone (`query`). */
  readonly byRow?: 'rows' | 'query';
  /** Pools in this way. */
  readonly pool?: PoolKind;
  /** Computes this row of each sequence, and finds rows of tokens in copies. */
  readonly narrowed?: Narrowed;
  readonly names?: StepNames<never>;
  /** Multiply-adds a row of `out`, for the profile. */
  readonly macs?: number;
  /** Bytes of scratch that a rank with that many token and sequence rows needs. */
  scratch?(tokens: number, sequences: number): number;
  /** Bytes of scratch that the ranks need together where products are divided by columns. */
  readonly sharedScratch?: number;
  run(rt: Runtime): void;
}

/** Free and used columns of a slab. */
class Columns {
  #free: { start: number; size: number }[] = [];
  width = 0;

  take(size: number): number {
    const at = this.#free.findIndex((gap) => gap.size >= size);
    if (at >= 0) {
      const gap = this.#free[at];
      const { start } = gap;
      gap.start += size;
      gap.size -= size;
      if (gap.size === 0) this.#free.splice(at, 1);
      return start;
    }
    const last = this.#free.at(-1);
    const start = last !== undefined && last.start + last.size === this.width ? this.#free.pop()!.start : this.width;
    this.width = start + size;
    return start;
  }

  give(start: number, size: number): void {
    const at = this.#free.findIndex((gap) => gap.start > start);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, { start, size });
    for (let i = this.#free.length - 2; i >= 0; i--) {
      const [gap, next] = [this.#free[i], this.#free[i + 1]];
      if (gap.start + gap.size !== next.start) continue;
      gap.size += next.size;
      this.#free.splice(i + 1, 1);
    }
  }
}

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
  const columns = { tokens: new Columns(), sequences: new Columns() };
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
  return { todo, meets, layout: { tokenWidth: columns.tokens.width, sequenceWidth: columns.sequences.width } };
}
