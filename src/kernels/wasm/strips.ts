/**
 * @file Steps that are carried out for one strip of a rank's rows after the other, so that the wide results between them, those of a
 * feed-forward layer, exist for one strip only. A row does not depend on the other rows, so the bits are the same.
 */
import type { GraphTensor } from '../graph/tensor.ts';
import { groupRows } from './forms/form.ts';
import { alignUp } from './memory.ts';
import type { WasmStep } from './steps.ts';

/** A product of fewer rows spends more time on reading its weights. */
const fewestRows = 128;

/** More strips hardly save memory: the results before and after a feed-forward layer are whole. */
const mostStrips = 8;

/** How a plan carries out steps in strips. */
export interface Strips {
  /** A power of two; 1: no step is carried out in strips. */
  readonly count: number;
  /** By the number of the first step of a run, the number of the step after it. */
  readonly runs: ReadonlyMap<number, number>;
  /** All steps of the runs. */
  readonly steps: ReadonlySet<WasmStep>;
  /** Results that have the rows of one strip. */
  readonly between: ReadonlySet<GraphTensor>;
}

/** Every step is carried out for all rows. */
export const noStrips: Strips = { count: 1, runs: new Map(), steps: new Set(), between: new Set() };

/** The number of strips for a rank with about this many rows. */
export function countStrips(rows: number): number {
  let count = 1;
  while (count < mostStrips && rows >= 2 * count * fewestRows) count *= 2;
  return count;
}

/**
 * Finds the runs of steps whose results in between only the next step of the run reads: two products, or a pair of products with a gate or
 * an activation between them.
 * @param todo the steps of a forward that makes `target`
 */
export function stripsOf(todo: readonly WasmStep[], target: GraphTensor, count: number): Strips {
  if (count === 1) return noStrips;
  const readers = new Map<GraphTensor, number>();
  for (const { inputs } of todo) {
    for (const base of new Set(inputs.map((input) => input.base))) readers.set(base, (readers.get(base) ?? 0) + 1);
  }
  const follows = (i: number) => {
    const { out } = todo[i - 1];
    const reads = todo[i].inputs.some(({ base }) => base === out);
    return reads && readers.get(out) === 1 && out !== target.base && isByRow(todo[i]);
  };
  const runs = new Map<number, number>();
  const steps = new Set<WasmStep>();
  const between = new Set<GraphTensor>();
  for (let begin = 0; begin < todo.length; begin++) {
    if (todo[begin].op !== 'linear' || !isByRow(todo[begin])) continue;
    let last = begin;
    for (let i = begin + 1; i < todo.length && follows(i); i++) if (todo[i].op === 'linear') last = i;
    if (last === begin) continue;
    runs.set(begin, last + 1);
    for (const step of todo.slice(begin, last + 1)) steps.add(step);
    for (const { out } of todo.slice(begin, last)) between.add(out);
    begin = last;
  }
  return { count, runs, steps, between };
}

function isByRow({ op, inputs, out }: WasmStep): boolean {
  return ['linear', 'glu', 'activate'].includes(op) && [out, ...inputs].every(({ space }) => space === 'tokens');
}

/** The rows that memory is laid out for: whole groups in each of `count` strips. */
export function paddedRows(rows: number, count: number): number {
  return count === 1 ? rows : alignUp(rows, groupRows * count);
}

/** Floats a row of the rank for a result that has the rows of one strip, `leading` floats each. */
export function stripColumns(leading: number, count: number): number {
  return alignUp(leading / count, 16);
}
