/** @file Which numbers of threads `npm run bench:threads` measures, and what it makes of the rates. */
import { describe, expect, it } from 'vitest';
import { efficiencies, threadCounts } from '../../bench/thread-counts.mjs';

describe('numbers of threads', () => {
  it('go from one to all cores', () => {
    expect(threadCounts(1)).toEqual([1]);
    expect(threadCounts(2)).toEqual([1, 2]);
    expect(threadCounts(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(threadCounts(16)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 12, 16]);
    expect(threadCounts(60)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 60]);
  });

  it('are those of a list, and one', () => {
    expect(threadCounts(2, [8, 4, 8])).toEqual([1, 4, 8]);
  });
});

it('efficiency is the gain over one thread, divided by the number of threads', () => {
  const one = { tokensPerSecond: 100, ratio: 1, low: 1, high: 1 };
  const four = { tokensPerSecond: 310, ratio: 3, low: 2.7, high: 3.3 };
  const [alone, together] = efficiencies({ 1: one, 4: four });
  expect(alone).toEqual({ threads: 1, rate: 100, efficiency: 1, spread: 0 });
  expect(together).toMatchObject({ threads: 4, rate: 310, efficiency: 0.75 });
  expect(together.spread).toBeCloseTo(0.2);
});
