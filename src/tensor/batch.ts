/**
 * @file A batch must be whole before any backend computes with it.
 */
import type { Batch } from './ops.ts';

/** @throws Error when the offsets do not cover the tokens, or positions are missing */
export function checkBatch({ ids, positions, offsets }: Batch): void {
  const last = offsets.length - 1;
  let ascending = last >= 1 && offsets[0] === 0 && offsets[last] === ids.length;
  for (let s = 0; s < last; s++) ascending &&= offsets[s] < offsets[s + 1];
  if (!ascending || positions.length !== ids.length) {
    throw new Error(
      `a batch of ${ids.length} tokens, ${positions.length} positions and offsets [${offsets}] makes no sense`,
    );
  }
}
