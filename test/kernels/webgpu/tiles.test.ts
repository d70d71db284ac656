/**
 * @file What tiles of products take of shared memory: their places, and the banks that threads reach together. Needs no GPU.
 */
import { expect, it } from 'vitest';
import { column, swizzled, type Tile } from '../../../src/kernels/webgpu/shaders/matmul-tile.wgsl.ts';
import { type Style, tiles, walkOf } from '../../../src/kernels/webgpu/strategies.ts';

const style = (sharedMemory: number, halves: boolean): Style => ({
  rolled: false,
  halves,
  sharedMemory,
  matrix: undefined,
});

it('a step ahead has a place of its own where shared memory has room for two', () => {
  const walks = (tile: Tile, sharedMemory: number, isNormed = false) =>
    [false, true].map((halves) => walkOf(tile, style(sharedMemory, halves), isNormed));
  const tile: Tile = { bm: 64, bn: 64, tm: 4, tn: 4, buffers: 2 };
  expect(walks({ ...tile, buffers: 1 }, 65536)).toEqual(['in turn', 'in turn']);
  expect(walks(tile, 16384)).toEqual(['ahead', 'ahead, two places']);
  expect(walks(tile, 16384, true)).toEqual(['ahead', 'ahead']);
  expect(walks(tile, 32768)).toEqual(['ahead, two places', 'ahead, two places']);
});

/** How often the fullest of 32 banks of four bytes is reached by threads that read vectors at `places` together; the same place counts once. */
function conflicts(places: readonly number[], vectorBytes: number): number {
  const words = new Set(
    places.flatMap((place) => {
      return Array.from({ length: vectorBytes / 4 }, (_, i) => (place * vectorBytes) / 4 + i);
    }),
  );
  const banks = new Array<number>(32).fill(0);
  for (const word of words) banks[word % 32]++;
  return Math.max(...banks);
}

// The first tile is for software adapters, which have no banks.
const shapes = tiles.slice(1).map((tile) => [`${tile.bm}x${tile.bn}, ${tile.tm}x${tile.tn} a thread`, tile] as const);

it.each(shapes)('W in shared memory, read and written without conflicts: %s', (_, { bm, bn, tm, tn }) => {
  for (const [element, bytes] of [
    ['f32', 16],
    ['f16', 8],
  ] as const) {
    const at = new Function('n', 'v', `return ${swizzled(element).replaceAll(/(\d)u/g, '$1')}`) as (
      n: number,
      v: number,
    ) => number;
    const all = Array.from({ length: bn * 8 }, (_, i) => at(Math.floor(i / 8), i % 8));
    expect(new Set(all).size, 'a place for each vector').toBe(bn * 8);
    expect(Math.max(...all)).toBe(bn * 8 - 1);
    // So many threads as read 128 bytes reach the banks together.
    const together = 128 / bytes;
    const columns = bn / tn;
    for (let first = 0; first < (bm / tm) * columns; first += together) {
      const threads = Array.from({ length: together }, (_, i) => first + i);
      for (let v = 0; v < 8; v++) {
        for (let j = 0; j < tn; j++) {
          const read = threads.map((t) => at((t % columns) * 4 + column(j, columns), v));
          expect(conflicts(read, bytes)).toBe(1);
        }
      }
      for (const v of [0, 1]) {
        const written = threads.map((t) => at(Math.floor(t / 4) % bn, (t % 4) * 2 + v));
        expect(conflicts(written, bytes)).toBe(1);
      }
    }
  }
});
