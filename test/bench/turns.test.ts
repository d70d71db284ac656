/**
 * @file The rounds of a benchmark: sides take turns, disturbed rounds are repeated, and unsteady tables are not written.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { watchOtherLoad } from '../../bench/other-load.mjs';
import { isApart, loadLine, median, spreadOf, steadiest, takeTurns, whyNotWritten } from '../../bench/turns.mjs';

/** A watch that reports these shares of the cores, round by round. */
function watchGiving(...shares: readonly number[]): () => () => { share: number; seconds: number } {
  let round = 0;
  return () => () => ({ share: shares[round++] ?? 0, seconds: 1 });
}

it('ratios on both sides of 1 are apart alike', () => {
  expect([0.96, 0.98, 1, 1.02, 1.05].map((ratio) => isApart(ratio, 0.97))).toEqual([true, false, false, false, true]);
});

describe('rounds of a benchmark', () => {
  it('run the sides by turns, each round in the other order', async () => {
    const order: string[] = [];
    const side = (name: string) => () => order.push(name);
    await takeTurns({ a: side('a'), b: side('b') }, 2, { watch: watchGiving() });
    expect(order.join('')).toBe('ababba');
  });

  it('are repeated when other processes took part of the cores', async () => {
    let n = 0;
    const result = await takeTurns({ a: () => n++ }, 2, { warmUp: false, watch: watchGiving(0.5, 0.01, 0.2, 0.03) });
    expect(result).toEqual({ runs: { a: [1, 3] }, rounds: 2, otherLoad: 0.03, repeated: 2 });
  });

  it('end after twice the rounds on a machine that never calms down, and keep the least disturbed', async () => {
    let n = 0;
    const result = await takeTurns({ a: () => n++ }, 2, { warmUp: false, watch: watchGiving(0.9, 0.3, 0.8, 0.2) });
    expect(result).toEqual({ runs: { a: [3, 1] }, rounds: 2, otherLoad: 0.3, repeated: 2 });
    expect(loadLine([result])).toBe(
      'other processes took at most 30 % of the cores in a round; 2 disturbed rounds were repeated',
    );
  });

  it('count without a word about load where the system does not tell it', async () => {
    const result = await takeTurns({ a: () => 1 }, 3, { watch: () => () => undefined });
    expect(result).toEqual({ runs: { a: [1, 1, 1] }, rounds: 3, otherLoad: undefined, repeated: 0 });
    expect(loadLine([result])).toMatch(/unknown/);
  });

  it('stop with the error of a side', async () => {
    await expect(takeTurns({ a: () => Promise.reject(new Error('the side died')) }, 1)).rejects.toThrow(
      'the side died',
    );
  });
});

describe('a table', () => {
  it('is measured again, at most three times, while its ratios spread', async () => {
    const spreads = [0.4, 0.2, 0.3];
    let n = 0;
    expect(await steadiest(async () => ({ spread: spreads[n++] ?? 0 }))).toEqual({ spread: 0.2 });
    expect(n).toBe(3);
  });

  it('is not written while ratios spread over 15 %, and the reason names the cell and the load', () => {
    const cell = { rounds: 3, otherLoad: 0.02, repeated: 1 };
    expect(whyNotWritten([{ ...cell, name: 'steady', spread: 0.15 }], 'F')).toBeUndefined();
    const reason = whyNotWritten(
      [
        { ...cell, name: 'steady', spread: 0.1 },
        { ...cell, name: 'wide', spread: 0.31 },
      ],
      'F',
    );
    expect(reason).toMatch(/F was not written.*wide: 31 %.*2 %.*2 disturbed rounds were/s);
    expect(reason).not.toMatch(/steady/);
  });

  it('is not written without a cell, of single rounds, or of ratios that are no numbers', () => {
    const cell = { name: 'a', rounds: 2, spread: 0, otherLoad: 0, repeated: 0 };
    expect(whyNotWritten([cell], 'F')).toBeUndefined();
    expect(whyNotWritten([], 'F')).toMatch(/F was not written.*nothing was measured/);
    expect(whyNotWritten([cell, { ...cell, name: 'single', rounds: 1 }], 'F')).toMatch(/one round.*: single\./);
    expect(whyNotWritten([{ ...cell, spread: Number.NaN }], 'F')).toMatch(/not written/);
  });

  it('has medians and spreads of its rounds', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(spreadOf([1, 1.1, 0.95])).toBeCloseTo(0.15);
  });
});

describe('other load', () => {
  /** Counters as Linux has them: ticks of all cores, then `pid (name) state parent … ticks` of each process. */
  async function writeCounters(proc: string, all: string, processes: Readonly<Record<number, string>>): Promise<void> {
    await writeFile(join(proc, 'stat'), `cpu  ${all} 0 0\ncpu0 1 2 3\n`);
    for (const [pid, stat] of Object.entries(processes)) {
      await mkdir(join(proc, pid), { recursive: true });
      await writeFile(join(proc, pid, 'stat'), `${pid} ${stat}`);
    }
  }
  const stat = (name: string, parent: number, ticks: string) =>
    `(${name}) S ${parent} 1 1 0 -1 0 0 0 0 0 ${ticks} 20 0`;

  it('is what processes outside the tree of the bench took', async () => {
    const proc = await mkdtemp(join(tmpdir(), 'counters-'));
    onTestFinished(() => rm(proc, { recursive: true }));
    await writeCounters(proc, '100 0 100 800 0 0 0 0', {
      7: stat('bench', 1, '10 5 0 0'),
      9: stat('a (b) c', 7, '20 10 0 0'),
      12: stat('other', 1, '900 900 0 0'),
    });
    const otherLoad = watchOtherLoad({ proc, pid: 7 });
    // 100 busy ticks of 200: the bench took 5, its child 30, a grandchild that ended 15, and another process the remaining 50.
    await writeCounters(proc, '180 0 110 900 0 0 0 10', {
      7: stat('bench', 1, '15 5 0 0'),
      9: stat('a (b) c', 7, '45 15 10 5'),
      12: stat('other', 1, '940 910 0 0'),
    });
    expect(otherLoad()).toEqual({ seconds: 0.5, share: 0.25 });
  });

  it('is unknown where there are no such counters', () => {
    expect(watchOtherLoad({ proc: join(tmpdir(), 'no such folder') })()).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('is told on Linux', () => {
    expect(watchOtherLoad()()).toEqual({ seconds: expect.any(Number), share: expect.any(Number) });
  });
});
