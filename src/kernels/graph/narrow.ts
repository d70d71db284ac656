/**
 * @file Pass: where pooling takes one row of each sequence, the first (`cls`) or the last, the steps from the last attention on compute
 * that row alone. Keys and values are still computed for all tokens.
 *
 * Buys     most of the last layer: its queries, its attention, its output projection and its feed-forward layer.
 * Not for  mean pooling or none, results whose other rows are read by another step, or an observed forward.
 *
 * The rows of a narrowed result are sequences instead of tokens. A pooling step first copies the rows that a narrowed step reads from
 * tokens.
 */
import type { Weight } from '../../tensor/ops.ts';
import type { PooledRow, Step } from './step.ts';
import { GraphTensor } from './tensor.ts';

/**
 * Narrows the steps of a forward that makes `target`.
 * @param steps the needed steps, in order
 * @returns the steps with the copies that they need
 */
export function narrow<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  nSeq: number,
): readonly Step<W>[] {
  const pools = steps.filter((step) => step.op === 'pool');
  const row = pools[0]?.kind;
  if ((row !== 'cls' && row !== 'last') || pools.some(({ kind }) => kind !== row)) return steps;
  const chosen = narrowable(steps, target);
  if (chosen.size === 0) return steps;
  return rewrite(steps, chosen, { row, isLate: pools[0].isLate }, nSeq);
}

/** The steps whose results are read only at the pooled rows. */
function narrowable<W extends Weight>(steps: readonly Step<W>[], target: GraphTensor): Set<Step<W>> {
  /**
   * The results that are read whole. A step comes after the results that it reads, so all readers of a result are known when it is reached.
   */
  const whole = new Set<GraphTensor>([target.base]);
  const chosen = new Set<Step<W>>();
  for (const step of steps.toReversed()) {
    const { inputs, out, op } = step;
    if (computesByRow(step) && out.space === 'tokens' && !whole.has(out)) chosen.add(step);
    inputs.forEach(({ base }, i) => {
      if (op !== 'pool' && !(chosen.has(step) && readsByRow(step, i))) whole.add(base);
    });
  }
  return chosen;
}

function rewrite<W extends Weight>(
  steps: readonly Step<W>[],
  chosen: ReadonlySet<Step<W>>,
  { row, isLate }: { readonly row: PooledRow; readonly isLate?: boolean },
  nSeq: number,
): Step<W>[] {
  /** Results of narrowed steps, and the copies that they read, by the tensors of all tokens. */
  const pooled = new Map<GraphTensor, GraphTensor>();
  const narrowed = new Map<GraphTensor, GraphTensor>();
  const viewOf = (x: GraphTensor): GraphTensor | undefined => {
    const base = narrowed.get(x.base);
    if (base === undefined || x === x.base) return base;
    let view = narrowed.get(x);
    if (view === undefined) narrowed.set(x, (view = new GraphTensor(nSeq, x.cols, 'sequences', base, x.start)));
    return view;
  };
  return steps.flatMap((step) => {
    const isChosen = chosen.has(step);
    const added: Step<W>[] = [];
    const inputs = step.inputs.map((x, i) => {
      const there = viewOf(x);
      if (there !== undefined) return there;
      if (!isChosen || x.space !== 'tokens' || !readsByRow(step, i)) return x;
      let copy = pooled.get(x);
      if (copy === undefined) {
        pooled.set(x, (copy = new GraphTensor(nSeq, x.cols, 'sequences')));
        added.push({ op: 'pool', kind: row, isLate, inputs: [x], out: copy });
      }
      return copy;
    });
    if (!isChosen) return { ...step, inputs };
    const out = new GraphTensor(nSeq, step.out.cols, 'sequences');
    narrowed.set(step.out, out);
    return [...added, { ...step, inputs, out, row }];
  });
}

/** Whether a row of the result depends on the same row of the inputs, or of the queries, alone. */
function computesByRow({ op }: Step): boolean {
  return !isConvolved(op) && op !== 'embedding' && op !== 'given' && op !== 'rotation' && op !== 'pool';
}

/** Whether a step reads only the rows of input `i` that it computes. */
function readsByRow({ op }: Step, i: number): boolean {
  return !isConvolved(op) && (op !== 'attention' || i === 0);
}

/** Whether an operation reads the rows around each token. */
function isConvolved(op: Step['op']): boolean {
  return op === 'shortConv' || op === 'unfold';
}
