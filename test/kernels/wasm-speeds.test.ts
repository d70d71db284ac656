/** @file How rows follow from the speeds of ranks. */
import { describe, expect, it } from 'vitest';
import { prepareWasm } from '../../src/kernels/wasm/index.ts';
import { Speeds } from '../../src/kernels/wasm/speeds.ts';
import { costOf, shareRows } from '../../src/kernels/wasm/team.ts';
import { batchOf } from './graphs.ts';

/** Ranks of one team. */
async function startRanks(nRanks: number) {
  const { memory } = await prepareWasm({ nThreads: nRanks });
  const ranks = Array.from({ length: nRanks }, (_, rank) => new Speeds(memory, rank));
  return {
    /** A number of forwards, in which ranks take so long for rows of the same or of another cost. */
    forwards(n: number, milliseconds: readonly number[], cost: (rank: number) => number = () => 100) {
      for (let i = 0; i < n; i++) {
        for (const [rank, took] of milliseconds.entries()) ranks[rank].note(cost(rank), took);
        ranks[0].update(milliseconds.length);
      }
    },
    shares: (n = nRanks) => ranks[n - 1].shares(n),
  };
}
const [few, many] = [1, 60];

describe('shares of ranks', () => {
  it('are even until all speeds are known', async () => {
    const { forwards, shares } = await startRanks(3);
    expect(shares()).toEqual([1, 1, 1]);
    forwards(many, [10, 40]);
    expect(shares()).toEqual([1, 1, 1]);
    expect(shares(2)).toEqual([16, 4]);
  });

  it('are in proportion to the speeds, whatever the rows were', async () => {
    const { forwards, shares } = await startRanks(4);
    forwards(many, [10, 20, 30, 40]);
    expect(shares()).toEqual([16, 8, 5, 4]);
    // The ranks now get rows for which they take about the same time.
    const parts = shares();
    forwards(many, [10, 11, 10, 11], (rank) => parts[rank]);
    expect(shares()).toEqual([16, 7, 5, 4]);
  });

  it('follow slowly, and are even where speeds differ by less than other work makes them differ', async () => {
    const { forwards, shares } = await startRanks(2);
    forwards(many, [10, 11]);
    expect(shares()).toEqual([1, 1]);
    forwards(few, [10, 3_600_000]);
    expect(shares()).toEqual([16, 13]);
    forwards(many, [10, 20]);
    expect(shares()).toEqual([16, 8]);
    forwards(many, [11, 10]);
    expect(shares()).toEqual([1, 1]);
  });

  it('grow again when a slow rank has become fast, however few rows it has', async () => {
    const { forwards, shares } = await startRanks(2);
    forwards(many, [3, 60]);
    expect(shares()).toEqual([16, 1]);
    forwards(many, [3, 0.2], (rank) => [15, 1][rank]);
    expect(shares()).toEqual([1, 1]);
  });

  it('ignore forwards that are too short to be measured, and clocks that stand still', async () => {
    const { forwards, shares } = await startRanks(2);
    forwards(many, [10, 40]);
    forwards(many, [1.9, 1.9]);
    forwards(many, [0, 0]);
    forwards(many, [10, 10], () => 0);
    expect(shares()).toEqual([16, 4]);
  });

  it('leave no rank without a part, however slow or fast ranks are', async () => {
    const { forwards, shares } = await startRanks(2);
    forwards(many, [2, 1e9], (rank) => (rank === 0 ? 1e7 : 1));
    expect(shares()).toEqual([16, 1]);
  });
});

it('rows are divided as the parts say, also inside a sequence', () => {
  const { offsets } = batchOf([400, 100, 100]);
  for (const parts of [
    [1, 3],
    [16, 4, 7],
    [1, 16],
  ]) {
    const total = costOf({ tokens: 0, tokensEnd: 600, sequences: 0, sequencesEnd: 3 }, offsets, 500);
    const shares = shareRows(offsets, parts, 500);
    const wanted = parts.map((part) => part / parts.reduce((a, b) => a + b));
    for (const [rank, share] of shares.entries()) {
      expect(costOf(share, offsets, 500) / total).toBeCloseTo(wanted[rank], 1);
    }
  }
  // 100 tokens of a sequence of 500 that doubles their cost, and 50 of one of 100.
  const share = { tokens: 400, tokensEnd: 550, sequences: 1, sequencesEnd: 2 };
  expect(costOf(share, Int32Array.of(0, 500, 600), 500)).toBeCloseTo(100 * 2 + 50 * 1.2, 9);
});
