/**
 * @file What nobody will read is not computed: where pooling takes one row of each sequence, the first (`cls`) or the last, the steps
 * that lead there from the last attention on compute that row alone. Keys and values are still made for all tokens.
 *
 * Such a result has rows of sequences instead of tokens. What a step reads from tokens is copied first, by steps of our own.
 */
import { type Step, WasmTensor } from './graph.ts';
import type { Runtime } from './runtime.ts';

/** Which row of each sequence. */
type Row = 'cls' | 'last';

/** How a step is narrowed. */
export interface Narrowed {
  readonly row: Row;
  /** Copies of the rows that the step reads, by the tensor they are of. */
  readonly copies: ReadonlyMap<WasmTensor, WasmTensor>;
}

/**
 * Narrows the steps of a forward that makes `target`.
 * @param steps needed ones, in order; their results are marked
 * @returns the steps with the copies that they need
 */
export function narrow(steps: readonly Step[], target: WasmTensor, nSeq: number): Step[] {
  const pooled = steps.filter(({ pool }) => pool !== undefined);
  const row = pooled[0]?.pool;
  if ((row !== 'cls' && row !== 'last') || pooled.some(({ pool }) => pool !== row)) return [...steps];
  const readers = new Map<WasmTensor, Step[]>();
  for (const step of steps) {
    for (const { base } of step.inputs) readers.set(base, [...(readers.get(base) ?? []), step]);
  }
  const narrowed = new Set<Step>();
  for (const step of steps.toReversed()) {
    const { out } = step;
    const all = readers.get(out) ?? [];
    const takesRow = (reader: Step) =>
      reader.pool !== undefined || (narrowed.has(reader) && !ofAllTokens(reader).includes(out));
    if (step.byRow === undefined || out.space !== 'tokens' || out === target.base || all.length === 0) continue;
    if (all.every(takesRow)) narrowed.add(step);
  }
  for (const { out } of narrowed) out.isNarrow = true;
  const copies = new Map<WasmTensor, WasmTensor>();
  return steps.flatMap((step) => {
    if (!narrowed.has(step)) return step;
    const added: Step[] = [];
    const inputs = step.inputs.map((x, i) => {
      if (x.space !== 'tokens' || (step.byRow === 'query' && i > 0)) return x;
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

/** Inputs of a step of which it reads the rows of all tokens, however few it computes. */
function ofAllTokens({ byRow, inputs }: Step): WasmTensor[] {
  return byRow === 'query' ? inputs.slice(1).map(({ base }) => base) : [];
}

/** The row of each sequence as a result of its own. */
function copyRows(x: WasmTensor, row: Row, nSeq: number): Step {
  const out = new WasmTensor(nSeq, x.cols, 'sequences');
  return { op: 'select', inputs: [x], out, exchange: row === 'last', run: (rt) => runCopy(rt, x, out, row) };
}

function runCopy(rt: Runtime, x: WasmTensor, out: WasmTensor, row: Row): void {
  const { share, kernels } = rt;
  const { offsets } = rt.batch;
  for (let s = share.sequences; s < share.sequencesEnd; s++) {
    const token = row === 'cls' ? offsets[s] : offsets[s + 1] - 1;
    const to = rt.address(out) + (s - share.sequences) * rt.stride(out);
    for (const { address, ld } of rt.segments(x, token, token + 1)) {
      kernels.copyRows(address, ld, to, rt.stride(out), 1, x.cols);
    }
  }
}
