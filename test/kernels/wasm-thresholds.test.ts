/** @file From what a machine costs to how a team divides its batches. */
import { describe, expect, it } from 'vitest';
import { leastCosts, prepareWasm, setThresholds, suggestTeam, thresholdsFor } from '../../src/kernels/wasm/index.ts';
import { splitsByColumns } from '../../src/kernels/wasm/split.ts';
import { defaultThresholds, readThresholds } from '../../src/kernels/wasm/thresholds.ts';

/** all-MiniLM-L6-v2. */
const miniLM = { nWeights: 10.6e6, nMatrices: 36, unevenness: 1 };
/** The order of Qwen3-0.6B. */
const large = { nWeights: 440e6, nMatrices: 196, unevenness: 1 };
/** Two layers of 64 values. */
const tiny = { nWeights: 98e3, nMatrices: 12, unevenness: 1 };
/** Two cores of an AMD EPYC (Zen 4), in microseconds. */
const twoCores = { barrier: 1, wake: 20, fewProducts: 91.8e-6, product: 11.7e-6 };

describe('thresholds', () => {
  it('of two cores are about those that a team starts with', () => {
    const { mostByColumns, ...others } = thresholdsFor(twoCores, miniLM, 2);
    const { tokensPerWorker } = defaultThresholds;
    expect(others).toEqual({ tokensPerWorker });
    expect(mostByColumns).toBeGreaterThanOrEqual(32);
    expect(mostByColumns).toBeLessThanOrEqual(64);
  });

  it('divide by columns up to more tokens, the more weights there are for a barrier', () => {
    const of = (model: typeof miniLM) => thresholdsFor(twoCores, model, 2).mostByColumns;
    expect(of(large)).toBeGreaterThan(of(miniLM));
    expect(of(miniLM)).toBeGreaterThan(of(tiny));
  });

  it('of many cores divide by columns less, because barriers take longer and columns are uneven', () => {
    const many = (barrier: number, unevenness: number, nThreads: number) =>
      thresholdsFor({ ...twoCores, barrier, wake: 60 }, { ...miniLM, unevenness }, nThreads);
    const [two, sixteen, sixtyFour] = [many(1, 1, 2), many(3, 1.05, 16), many(8, 1.5, 64)];
    expect(sixteen.mostByColumns).toBeLessThan(two.mostByColumns);
    expect(sixtyFour.mostByColumns).toBeLessThan(sixteen.mostByColumns);
    for (const thresholds of [two, sixteen, sixtyFour]) expect(thresholds.tokensPerWorker).toBe(4);
  });

  it('never divide by columns where barriers cost more than weights', () => {
    const thresholds = thresholdsFor({ ...twoCores, barrier: 50 }, tiny, 16);
    for (let tokens = 1; tokens < 10_000; tokens++) expect(splitsByColumns(tokens, 16, false, thresholds)).toBe(false);
  });

  it('wake another worker for more tokens, the less a token costs', () => {
    const of = (model: typeof miniLM, wake: number) => thresholdsFor({ ...twoCores, wake }, model, 4).tokensPerWorker;
    expect(of(tiny, 30)).toBeGreaterThan(4);
    expect(of(tiny, 30) % 4).toBe(0);
    expect(of(tiny, 1e6)).toBe(64);
    expect(of(large, 1000)).toBe(4);
  });

  it('stay within their range whatever was measured', () => {
    for (const fewProducts of [0, 53e-6, 1]) {
      for (const barrier of [0, 1e6]) {
        for (const wake of [-5, 0, 1e9]) {
          const { tokensPerWorker, ...columns } = thresholdsFor(
            { barrier, wake, fewProducts, product: 13e-6 },
            tiny,
            3,
          );
          expect(tokensPerWorker).toBeGreaterThanOrEqual(4);
          expect(tokensPerWorker).toBeLessThanOrEqual(64);
          for (const rows of Object.values(columns)) expect(Number.isInteger(rows)).toBe(true);
        }
      }
    }
  });

  it('are the default ones where the clock was too coarse', () => {
    expect(thresholdsFor({ barrier: 0, wake: 0, fewProducts: 0, product: 0 }, miniLM, 2)).toEqual(defaultThresholds);
  });

  it('follow from the least of each cost in several measurements', () => {
    const [slowBarrier, slowProducts] = [
      { ...twoCores, barrier: 900, wake: 4000 },
      { ...twoCores, fewProducts: 300e-6, product: 70e-6 },
    ];
    expect(leastCosts([slowBarrier, slowProducts])).toEqual(twoCores);
    expect(leastCosts([slowBarrier])).toEqual(slowBarrier);
  });

  it('hold for all workers that share the memory', async () => {
    const setup = await prepareWasm({ nThreads: 3 });
    expect(readThresholds(setup.memory)).toEqual(defaultThresholds);
    setThresholds(setup, { tokensPerWorker: 20, mostByColumns: 16 });
    expect(readThresholds(setup.memory)).toEqual({ tokensPerWorker: 20, mostByColumns: 16 });
    expect([19, 40, 900].map((n) => suggestTeam(Int32Array.of(0, n), setup))).toEqual([1, 2, 3]);
  });
});
