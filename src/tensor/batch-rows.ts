/**
 * @file Checks that a batch is consistent before a backend computes with it, and supplies the defaults of its optional fields.
 */
import type { Batch, GivenRows, RowIndex } from './batch.ts';
import type { AttentionOptions, PoolKind, Weight } from './ops.ts';

/** @throws Error when the offsets do not cover the tokens, or when an array has the wrong length */
export function checkBatch(batch: Batch): void {
  const { ids, positions, offsets, spans = {}, mixture = [], given, poolFrom, seen } = batch;
  const n = ids.length;
  if (!covers(offsets, n) || positions.length !== n) {
    throw new Error(`inconsistent batch: ${n} tokens, ${positions.length} positions and offsets [${offsets}]`);
  }
  const mustHave = (what: string, length: number | undefined, expected: number) => {
    if (length !== undefined && length !== expected) {
      throw new Error(`inconsistent batch: ${n} tokens and ${length} ${what}`);
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
    if (!covers(span, n)) throw new Error(`inconsistent batch: ${n} tokens and ${kind} spans [${span}]`);
  }
  if (poolFrom !== undefined) {
    const isInside = (from: number, s: number) => from >= offsets[s] && from < offsets[s + 1];
    if (poolFrom.length !== offsets.length - 1 || !poolFrom.every(isInside)) {
      throw new Error(`inconsistent batch: pooling from rows [${poolFrom}] of sequences with offsets [${offsets}]`);
    }
  }
  if (seen !== undefined) {
    const fits = (count: number, s: number) => count >= 1 && count <= offsets[s + 1] - offsets[s];
    if (seen.length !== offsets.length - 1 || !seen.every(fits)) {
      throw new Error(`inconsistent batch: [${seen}] tokens are seen of sequences with offsets [${offsets}]`);
    }
  }
  if (given !== undefined) checkGiven(given, n);
}

function checkGiven({ values, width, at }: GivenRows, nTokens: number): void {
  const nRows = values.length / width;
  if (at.length !== nTokens || !Number.isInteger(nRows) || !at.every((row) => row >= -1 && row < nRows)) {
    throw new Error(`inconsistent batch: ${values.length} given values in rows of ${width} for ${nTokens} tokens`);
  }
}

/** Whether `offsets` divide `n` rows into sequences. */
function covers(offsets: Int32Array, n: number): boolean {
  const last = offsets.length - 1;
  let ascending = last >= 1 && offsets[0] === 0 && offsets[last] === n;
  for (let s = 0; s < last; s++) ascending &&= offsets[s] < offsets[s + 1];
  return ascending;
}

/** `[T, 4]` the coordinates of the tokens. In a text these are the position three times, and 0. */
export function coordinatesOf({ positions, coordinates }: Batch): Int32Array {
  return (
    coordinates ?? Int32Array.from({ length: 4 * positions.length }, (_, i) => (i % 4 < 3 ? positions[i >> 2] : 0))
  );
}

/** The boundaries of what a token may see: sequences, or spans of one kind. */
export function spansOf({ offsets, spans }: Batch, { within }: Pick<AttentionOptions, 'within'>): Int32Array {
  if (within === undefined) return offsets;
  const found = spans?.[within];
  if (found === undefined) throw new Error(`the batch has no ${within} spans`);
  return found;
}

/** The row after the last one that the tokens of sequence (or span) `s` see. @param boundaries what `spansOf` returns */
export function seenEnd({ offsets, seen }: Batch, boundaries: Int32Array, s: number): number {
  return seen === undefined || boundaries !== offsets ? boundaries[s + 1] : offsets[s] + seen[s];
}

/** Rows [begin, end) of sequence `s` that pooling reads. */
export function pooledRows({ offsets, poolFrom }: Batch, s: number, kind: PoolKind): [begin: number, end: number] {
  const [begin, end] = [poolFrom?.[s] ?? offsets[s], offsets[s + 1]];
  if (kind === 'cls') return [begin, begin + 1];
  return kind === 'last' ? [end - 1, end] : [begin, end];
}

/** The sum of the places [from, to) of a sequence, counted from 1: what the weights of a weighted mean are divided by. */
export function placesSum(from: number, to: number): number {
  return ((to - from) * (from + to + 1)) / 2;
}

/** The number of rows in each sequence that `concat` puts side by side. @throws Error when the sequences differ in length */
export function rowsOfEach({ offsets }: Batch): number {
  const n = offsets[1];
  for (let s = 1; s + 1 < offsets.length; s++) {
    if (offsets[s + 1] - offsets[s] !== n) throw new Error('concat: the sequences have different lengths');
  }
  return n;
}

/** The table row of each token (`undefined` for row 0) and its weight (`undefined` for 1). */
export function tableRows(batch: Batch, index: RowIndex): { rows?: Int32Array; weights?: Float32Array } {
  if (index === 'zero') return {};
  if (typeof index === 'string') return { rows: batch[index] };
  const term = batch.mixture?.[index.term];
  if (term === undefined) throw new Error(`the batch has no mixture of ${index.term + 1} terms`);
  return term;
}

/** @throws Error when a token takes a row that the table does not have */
export function checkTableRows(table: Weight, index: RowIndex, batch: Batch): void {
  const nRows = table.shape[1] ?? 1;
  const wrong = tableRows(batch, index).rows?.find((row) => !(row >= 0 && row < nRows));
  if (wrong !== undefined) throw new Error(`${table.name} has ${nRows} rows; row ${wrong} does not exist`);
}

/** Checks the columns of the given rows. @throws Error when a column does not exist, or a token has neither a given row nor a substitute */
export function checkGivenColumns(given: GivenRows, start: number, n: number, hasOther: boolean): void {
  if (!(start >= 0 && n > 0 && start + n <= given.width)) {
    throw new Error(`columns [${start}, ${start + n}) do not exist in given rows of width ${given.width}`);
  }
  if (!hasOther && given.at.includes(-1)) throw new Error('some tokens have neither a given row nor a substitute');
}

/** How many rows before a token the first tap of a short convolution of `nTaps` is. */
export function rowsBefore(nTaps: number, causal: boolean): number {
  return causal ? nTaps - 1 : Math.floor((nTaps - 1) / 2);
}

/** For each of the tokens [from, to), the first row that a convolution over its sequence reads, and the row after the last one. */
export function* sequenceRows(batch: Batch, from: number, to: number): Generator<readonly [number, number]> {
  const { offsets } = batch;
  let s = 0;
  for (let t = from; t < to; t++) {
    while (offsets[s + 1] <= t) s++;
    const end = seenEnd(batch, offsets, s);
    yield t < end ? [offsets[s], end] : [offsets[s], offsets[s]];
  }
}
