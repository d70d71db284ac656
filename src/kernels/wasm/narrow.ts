/**
 * @file What nobody will read is not computed: where pooling takes one row of each sequence, the first (`cls`) or the last, the steps
 * that lead there from the last attention on compute that row alone. Keys and values are still made for all tokens.
 *
 * Such a result has rows of sequences instead of tokens. What a step reads from tokens is copied first, by steps of our own.
 */
import { type Narrowed, type Step, WasmTensor } from './graph.ts';
import { runPool } from './run-pool.ts';

/**
 * Narrows the steps of a forward that makes `target`.
 * @param steps needed ones, in order; the results that are narrowed are marked
 * @returns the steps with the copies that they need
 */
export function narrow(steps: readonly Step[], target: WasmTensor, nSeq: number): readonly Step[] {
  const pooled = steps.filter(({ pool }) => pool !== undefined);
  const row = pooled[0]?.pool;
  if ((row !== 'cls' && row !== 'last') || pooled.some(({ pool }) => pool !== row)) return steps;
  /** What somebody reads whole. Readers come after what they read, so that all are known by then. */
  const whole = new Set<WasmTensor>([target.base]);
  const narrowed = new Set<Step>();
  for (const step of steps.toReversed()) {
    const { byRow, inputs, out, pool } = step;
    if (byRow !== undefined && out.space === 'tokens' && !whole.has(out)) narrowed.add(step);
    inputs.forEach(({ base }, i) => {
      if (pool === undefined && !(narrowed.has(step) && readsByRow(step, i))) whole.add(base);
    });
  }
  for (const { out } of narrowed) out.isNarrow = true;
  const copies = new Map<WasmTensor, WasmTensor>();
  return steps.flatMap((step) => {
    if (!narrowed.has(step)) return step;
    const added: Step[] = [];
    const inputs = step.inputs.map((x, i) => {
      if (x.space !== 'tokens' || !readsByRow(step, i)) return x;
      let copy = copies.get(x);
      if (copy === undefined) {
        const made = copyRows(x, row, nSeq);
        added.push(made);
        copies.set(x, (copy = made.out));
      }
      return copy;
    });
    return [...added, { ...step, inputs, narrowed: { row, copies } }];
  });
}

/** Whether a step reads from input `i` only the rows that it computes. */
function readsByRow({ byRow }: Step, i: number): boolean {
  return byRow === 'rows' || i === 0;
}

/** The row of each sequence as a result of its own. */
function copyRows(x: WasmTensor, row: Narrowed['row'], nSeq: number): Step {
  const out = new WasmTensor(nSeq, x.cols, 'sequences');
  return { op: 'select', inputs: [x], out, exchange: row === 'last', run: (rt) => runPool(rt, x, out, row) };
}
