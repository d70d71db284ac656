/**
 * @file A batch must be whole before any backend computes with it; and what its fields stand for where they are left out.
 */
import type { AttentionOptions, Batch, GivenRows, PoolKind, RowIndex } from './ops.ts';

/** @throws Error when the offsets do not cover the tokens, or something has another length than the tokens need */
export function checkBatch(batch: Batch): void {
  const { ids, positions, offsets, spans = {}, mixture = [], given, poolFrom } = batch;
  const n = ids.length;
  if (!covers(offsets, n) || positions.length !== n) {
    throw new Error(`a batch of ${n} tokens, ${positions.length} positions and offsets [${offsets}] makes no sense`);
  }
  const mustHave = (what: string, length: number | undefined, expected: number) => {
    if (length !== undefined && length !== expected) {
      throw new Error(`a batch of ${n} tokens and ${length} ${what} makes no sense`);
    }
  };
  mustHave('token types', batch.types?.length, n);
  mustHave('coordinates', batch.coordinates?.length, 4 * n);
  mustHave('numbers of tokens ahead', batch.ahead?.length, n);
  for (const { rows, weights } of mixture) {
    mustHave('rows of a mixture', rows.length, n);
    mustHave('weights of a mixture', weights.length, n);
  }
  for (const [kind, span] of Object.entries(spans)) {
    if (!covers(span, n)) throw new Error(`a batch of ${n} tokens and ${kind} spans [${span}] makes no sense`);
  }
  if (poolFrom !== undefined) {
    const isInside = (from: number, s: number) => from >= offsets[s] && from < offsets[s + 1];
    if (poolFrom.length !== offsets.length - 1 || !poolFrom.every(isInside)) {
      throw new Error(`pooling from [${poolFrom}] in sequences of offsets [${offsets}] makes no sense`);
    }
  }
  if (given !== undefined) checkGiven(given, n);
}

function checkGiven({ values, width, at }: GivenRows, nTokens: number): void {
  const nRows = values.length / width;
  if (at.length !== nTokens || !Number.isInteger(nRows) || !at.every((row) => row >= -1 && row < nRows)) {
    throw new Error(`${values.length} values in rows of ${width} for ${nTokens} tokens make no sense`);
  }
}

/** Whether `offsets` divide `n` rows. */
function covers(offsets: Int32Array, n: number): boolean {
  const last = offsets.length - 1;
  let ascending = last >= 1 && offsets[0] === 0 && offsets[last] === n;
  for (let s = 0; s < last; s++) ascending &&= offsets[s] < offsets[s + 1];
  return ascending;
}

/** `[T, 4]` the coordinates of the tokens: of a text, three times the position, and 0. */
export function coordinatesOf({ positions, coordinates }: Batch): Int32Array {
  return (
    coordinates ?? Int32Array.from({ length: 4 * positions.length }, (_, i) => (i % 4 < 3 ? positions[i >> 2] : 0))
  );
}

/** Where what a token may see begins and ends: the sequences, or spans of some kind. */
export function spansOf({ offsets, spans }: Batch, { within }: Pick<AttentionOptions, 'within'>): Int32Array {
  if (within === undefined) return offsets;
  const found = spans?.[within];
  if (found === undefined) throw new Error(`this batch has no ${within} spans`);
  return found;
}

/** Rows [begin, end) of sequence `s` that pooling takes. */
export function pooledRows({ offsets, poolFrom }: Batch, s: number, kind: PoolKind): [begin: number, end: number] {
  const [begin, end] = [poolFrom?.[s] ?? offsets[s], offsets[s + 1]];
  if (kind === 'cls') return [begin, begin + 1];
  return kind === 'last' ? [end - 1, end] : [begin, end];
}

/** How many rows of each sequence stand side by side after `concat`. @throws Error when they differ */
export function rowsOfEach({ offsets }: Batch): number {
  const n = offsets[1];
  for (let s = 1; s + 1 < offsets.length; s++) {
    if (offsets[s + 1] - offsets[s] !== n) throw new Error('concat: the sequences differ in length');
  }
  return n;
}

/** The rows of a table that the tokens take, `undefined` for row 0, and their weights, `undefined` for 1. */
export function tableRows(batch: Batch, index: RowIndex): { rows?: Int32Array; weights?: Float32Array } {
  if (index === 'zero') return {};
  if (typeof index === 'string') return { rows: batch[index] };
  const term = batch.mixture?.[index.term];
  if (term === undefined) throw new Error(`this batch has no mixture of ${index.term + 1} terms`);
  return term;
}

/** The columns of the given rows. @throws Error when there are fewer, or tokens without such a row have nothing instead */
export function checkGivenColumns(given: GivenRows, start: number, n: number, hasOther: boolean): void {
  if (!(start >= 0 && n > 0 && start + n <= given.width)) {
    throw new Error(`no columns [${start}, ${start + n}) in given rows ${given.width} wide`);
  }
  if (!hasOther && given.at.includes(-1)) throw new Error('some tokens have neither a given row nor another one');
}
