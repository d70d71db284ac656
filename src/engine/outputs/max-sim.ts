/**
 * @file Late interaction (Khattab and Zaharia 2020): the score of a document for a query, from the vectors of their tokens.
 */
import { describe } from '../../check-options.ts';
import { log } from '../../tensor/exact-math.ts';
import { InputError } from '../errors.ts';
import type { ScoreScale, TokenVectors } from '../types.ts';
import { convertVector } from './output-dtypes.ts';

type Values = Float32Array | Int8Array;

/**
 * MaxSim: for each vector of the query, the largest of its products with the vectors of the document; the sum of these. Vectors of float32 are
 * multiplied as they are, and those of `embed` have the length 1. Vectors of int8 count with the length 1, so that each may have a scale of its
 * own.
 * @returns 0 if either side has no vectors
 * @throws InputError for what is no vectors of tokens; RangeError if the vectors of the two sides have different dimensions, or a side has no
 *   whole number of them
 */
export function maxSim(query: TokenVectors<Values>, document: TokenVectors<Values>): number {
  checkArray('the query', query);
  checkArray('the document', document);
  const { dimensions } = query;
  if (document.dimensions !== dimensions) {
    throw new RangeError(`vectors of ${dimensions} and of ${document.dimensions} dimensions cannot be multiplied`);
  }
  checkWhole(query);
  checkWhole(document);
  if (document.values.length === 0) return 0;
  const scales = scalesOf(document);
  const ofQuery = scalesOf(query);
  let sum = 0;
  for (let q = 0, row = 0; q < query.values.length; q += dimensions, row++) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let d = 0, i = 0; d < document.values.length; d += dimensions, i++) {
      let dot = 0;
      for (let c = 0; c < dimensions; c++) dot += query.values[q + c] * document.values[d + c];
      largest = Math.max(largest, scales === undefined ? dot : dot * scales[i]);
    }
    sum += ofQuery === undefined ? largest : largest * ofQuery[row];
  }
  return sum;
}

function checkArray(what: string, vectors: TokenVectors<Values>): void {
  const values: unknown = vectors?.values;
  if (ArrayBuffer.isView(values) || Array.isArray(values)) return;
  throw new InputError(
    'shape',
    `${what} must be an object with the values of vectors and their dimensions, not ${describe(vectors)}`,
  );
}

function checkWhole({ values, dimensions }: TokenVectors<Values>): void {
  if (values.length === 0 || (Number.isInteger(dimensions) && dimensions > 0 && values.length % dimensions === 0))
    return;
  throw new RangeError(`${values.length} values are no whole number of vectors of ${dimensions} dimensions`);
}

/** What the vectors of int8 are multiplied with; `undefined` for those of floats. */
function scalesOf({ values, dimensions }: TokenVectors<Values>): Float64Array | undefined {
  // Checks the tag, not the class, because the array may come from another realm.
  if (Object.prototype.toString.call(values) !== '[object Int8Array]') return undefined;
  return Float64Array.from({ length: values.length / dimensions }, (_, row) => {
    let squares = 0;
    for (let c = row * dimensions; c < (row + 1) * dimensions; c++) squares += values[c] * values[c];
    return squares > 0 ? 1 / Math.sqrt(squares) : 0;
  });
}

/**
 * The vectors of tokens in a quarter of the memory: each is multiplied so that its largest magnitude is 127, and rounded, halves away from zero.
 * Directions stay as they are up to rounding, and lengths get lost; `maxSim` counts each with the length 1.
 * @throws InputError for what is no vectors of tokens; RangeError if the values are no whole number of vectors
 */
export function toInt8(vectors: TokenVectors): TokenVectors<Int8Array> {
  checkArray('what becomes int8', vectors);
  checkWhole(vectors);
  const { values, dimensions } = vectors;
  const out = new Int8Array(values.length);
  for (let at = 0; at < values.length; at += dimensions) {
    out.set(convertVector(values.slice(at, at + dimensions), 'int8'), at);
  }
  return { values: out, dimensions };
}

/** The largest mean whose logit is finite. */
const MOST = 1 - 2 ** -24;

/**
 * The score of a document on a scale.
 * @param sum what `maxSim` gives
 * @param nVectors of the query
 * @param raw the scale of the model itself
 */
export function scoreOfSum(sum: number, nVectors: number, scale: ScoreScale, raw: 'sum' | 'mean'): number {
  const mean = nVectors === 0 ? 0 : sum / nVectors;
  if (scale === 'raw') return raw === 'sum' ? sum : mean;
  const bounded = Math.min(MOST, Math.max(-MOST, mean));
  return scale === 'probability' ? (1 + bounded) / 2 : log((1 + bounded) / (1 - bounded));
}
