/** @file Ranks that divide the columns of products: each column is computed once, whoever comes late. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evenPart } from '../../src/kernels/wasm/even-part.ts';
import { prepareWasm } from '../../src/kernels/wasm/index.ts';
import { Pieces } from '../../src/kernels/wasm/pieces.ts';

async function startRanks(nRanks: number): Promise<Pieces[]> {
  const { memory } = await prepareWasm({ nThreads: nRanks });
  return Array.from({ length: nRanks }, (_, rank) => new Pieces(memory, rank));
}

/** A product: its columns, and multiply-adds of one of them. */
type Product = readonly [n: number, macs: number];

/**
 * Carries out products on all ranks. A rank runs until it has taken so many pieces as `turns` says next, and then the ranks that have not begun
 * run inside it: so they are ahead of it, or behind.
 * @returns who has computed each column of each product
 */
function carryOut(ranks: readonly Pieces[], products: readonly Product[], turns: readonly number[]): number[][][] {
  const by: number[][][] = products.map(([n]) => Array.from({ length: n }, () => []));
  for (const pieces of ranks) pieces.reset();
  let [begun, nTaken, turn] = [0, 0, 0];
  function runNext(): void {
    if (begun === ranks.length) return;
    const rank = begun++;
    for (const [index, [n, macs]] of products.entries()) {
      ranks[rank].divide(n, ranks.length, macs, (begin, end) => {
        for (let column = begin; column < end; column++) by[index][column].push(rank);
        if (++nTaken < (turns[turn] ?? 0)) return;
        [nTaken, turn] = [0, turn + 1];
        runNext();
      });
    }
    runNext();
  }
  runNext();
  return by;
}

describe('pieces', () => {
  it('are each taken once, in whatever order ranks come', async () => {
    const teams = await Promise.all([1, 2, 3, 5, 16].map(startRanks));
    fc.assert(
      fc.property(
        fc.constantFrom(...teams),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1, 50_000, 200_000, 1e9)), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 16 }),
        (ranks, products, turns) => {
          for (const columns of carryOut(ranks, products, turns)) {
            expect(columns.map((takers) => takers.length)).toEqual(columns.map(() => 1));
          }
        },
      ),
    );
  });

  it('of a rank that is held up are taken by others, and each rank begins with its own', async () => {
    const [first, second] = await startRanks(2);
    const mine: number[][] = [];
    for (const pieces of [first, second]) pieces.reset();
    first.divide(24, 2, 1e9, (begin) => {
      mine.push([0, begin]);
      if (begin === 0) second.divide(24, 2, 1e9, (at) => mine.push([1, at]));
    });
    const taken = (rank: number) => mine.filter(([by]) => by === rank).map(([, begin]) => begin);
    const [, middle] = evenPart(24, 0, 2);
    expect(taken(0)[0]).toBe(0);
    expect(taken(1)[0]).toBe(middle);
    // The second rank ran to its end inside the first piece of the first, so it has taken all other pieces.
    expect(taken(0)).toHaveLength(1);
    expect(taken(1)).toHaveLength(23);
  });

  it('are large where there is little to compute', async () => {
    const [only] = await startRanks(1);
    const sizesOf = (n: number, macs: number) => {
      const sizes: number[] = [];
      only.divide(n, 1, macs, (begin, end) => sizes.push(end - begin));
      return sizes;
    };
    expect(sizesOf(24, 1000)).toEqual([24]);
    expect(sizesOf(24, 100_000)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(sizesOf(3, 1e9)).toEqual([1, 1, 1]);
    expect(Math.max(...sizesOf(16_000, 1e9))).toBe(1000);
  });
});

it('a memory has room for 256 workers, and more are refused', async () => {
  await expect(prepareWasm({ nThreads: 257 })).rejects.toThrow('257 is not a number of threads: 1 to 256');
  const { memory } = await prepareWasm({ nThreads: 256 });
  const last = new Pieces(memory, 255);
  last.reset();
  let columns = 0;
  last.divide(256, 256, 1e9, (begin, end) => {
    columns += end - begin;
  });
  expect(columns).toBe(256);
});
