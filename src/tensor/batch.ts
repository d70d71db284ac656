/**
 * @file A batch must be whole before any backend computes with it.
 */
import type { Batch } from './ops.ts';

/** @throws Error when the offsets do not cover the tokens, or positions or types are missing */
export function checkBatch({ ids, positions, offsets, types, coordinates }: Batch): void {
  const last = offsets.length - 1;
  let ascending = last >= 1 && offsets[0] === 0 && offsets[last] === ids.length;
  for (let s = 0; s < last; s++) ascending &&= offsets[s] < offsets[s + 1];
  if (!ascending || positions.length !== ids.length) {
    throw new Error(
      `a batch of ${ids.length} tokens, ${positions.length} positions and offsets [${offsets}] makes no sense`,
    );
  }
  if (types !== undefined && types.length !== ids.length) {
    throw new Error(`a batch of ${ids.length} tokens and ${types.length} token types makes no sense`);
  }
  if (coordinates !== undefined && coordinates.length !== 4 * ids.length) {
    throw new Error(`a batch of ${ids.length} tokens and ${coordinates.length} coordinates makes no sense`);
  }
}

/** `[T, 4]` the coordinates of the tokens: of a text, three times the position, and 0. */
export function coordinatesOf({ positions, coordinates }: Batch): Int32Array {
  return (
    coordinates ?? Int32Array.from({ length: 4 * positions.length }, (_, i) => (i % 4 < 3 ? positions[i >> 2] : 0))
  );
}
