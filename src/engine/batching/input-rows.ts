/**
 * @file The rows of each input in what a batch has computed.
 */
import { isTokenResult, type Result } from '../../models/index.ts';
import type { Batch } from '../../tensor/batch.ts';
import { pooledRows } from '../../tensor/batch-rows.ts';
import type { Rows } from './queue.ts';

/** Token vectors of an input begin where its pooling begins. */
export function rowsByInput(batch: Batch, values: Float32Array, pooling: Result): Rows[] {
  const { ids, offsets } = batch;
  const nInputs = offsets.length - 1;
  const byToken = pooling === 'none' || isTokenResult(pooling);
  const width = values.length / (byToken ? ids.length : nInputs);
  return Array.from({ length: nInputs }, (_, i) => {
    const [from, to] = byToken ? pooledRows(batch, i, 'none') : [i, i + 1];
    if (pooling === 'vocabulary') return { values: positiveEntries(values.subarray(i * width, to * width)), width: 2 };
    return { values: values.slice(from * width, to * width), width };
  });
}

/**
 * The index and the value of each entry that is positive or no number: rows as long as the vocabulary would take much memory until the last
 * input is computed.
 */
function positiveEntries(row: Float32Array): Float32Array {
  const entries = new Float32Array(2 * row.reduce((n, value) => n + (value <= 0 ? 0 : 1), 0));
  let at = 0;
  for (let i = 0; i < row.length; i++) {
    if (row[i] <= 0) continue;
    entries[at++] = i;
    entries[at++] = row[i];
  }
  return entries;
}
