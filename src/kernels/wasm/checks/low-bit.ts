/** @file Checks of the products of low-bit weights. Their tile needs relaxed SIMD. */
import type { Kernels } from '../kernels.ts';
import { a, bias, type Check, type Checks, c, columns, type Operands, scales, t, w } from './operands.ts';

/** Forms of sub-blocks: their length, the largest centre that it allows, and a smaller one. */
const subBlocks = [
  [32, 16],
  [32, 8],
  [16, 32],
] as const;

/** Σ x · (q − centre) of a sub-block from value `first` on, for the lanes of even or odd pairs, or for both. */
function sumOf(
  [x, row]: [Int8Array, number],
  [q, column]: [Uint8Array, number],
  [sub, centre]: readonly [number, number],
  first: number,
  lane?: number,
): number {
  let sum = 0;
  for (let i = first; i < first + sub; i++) {
    if (lane !== undefined && ((i >> 1) & 1) !== lane) continue;
    sum += x[(i >> 2) * 16 + row * 4 + (i & 3)] * (q[(i >> 2) * 64 + column * 4 + (i & 3)] - centre);
  }
  return sum;
}

/** Codes of 0: with them, `sumOf` is −centre · Σ x. */
const zeros = new Uint8Array(16 * 128);

/** Two sub-blocks and more, of the largest values, which overflow first, and of mixed ones. */
function checkTile(nColumns: number, run: (kernels: Kernels, sub: number) => void): Check {
  return (kernels, on) => {
    const values = (size: number) => Math.round(on.next() * size);
    const kinds: [activation: () => number, weight: (centre: number) => number][] = [
      [() => 127, (centre) => 2 * centre],
      [() => -127, () => 0],
      [() => values(127), (centre) => centre + values(centre)],
    ];
    return subBlocks.every(([sub, centre]) =>
      kinds.every(([activation, weight]) => {
        const form = [sub, centre] as const;
        const x = on.bytes(a, 4 * 64, activation);
        const q = new Uint8Array(on.bytes(w, 16 * 64, () => weight(centre)).buffer);
        const factors = on.integers(bias, 32 * 4, 8191);
        for (let i = 0; i < factors.length; i += 2) on.i16[bias / 2 + i + 1] = factors[i];
        for (let i = 0; i < 32; i++) {
          const [block, row, lane] = [i >> 3, (i >> 1) & 3, i & 1];
          on.i16[scales / 2 + i] = block * sub < 64 ? sumOf([x, row], [zeros, 0], form, block * sub, lane) : 0;
        }
        run(kernels, sub);
        return Array.from({ length: 4 * nColumns }).every((_, i) => {
          const [row, column] = [Math.floor(i / nColumns), i % nColumns];
          let sum = 0;
          for (let block = 0; block * sub < 64; block++)
            sum += factors[block * 32 + 2 * column] * sumOf([x, row], [q, column], form, block * sub);
          return on.i32[t / 4 + row * columns + column] === sum;
        });
      }),
    );
  };
}

function checkStarts(kernels: Kernels, on: Operands): boolean {
  return subBlocks.every(([sub, centre]) => {
    const groups = [0, 1].map((group) => on.bytes(a + group * 640, 4 * 128, () => Math.round(on.next() * 127)));
    const nSub = 128 / sub;
    kernels.startSums({ q: a, groupBytes: 640, groups: 2, k: 128, sub, centre, starts: c, startGroupBytes: nSub * 16 });
    return groups.every((x, group) =>
      Array.from({ length: nSub * 8 }).every((_, i) => {
        const [block, row, lane] = [i >> 3, (i >> 1) & 3, i & 1];
        return on.i16[c / 2 + group * nSub * 8 + i] === sumOf([x, row], [zeros, 0], [sub, centre], block * sub, lane);
      }),
    );
  });
}

const tile = { a, start: scales, w, scales: bias, t, k4: 64 };

/** The tiles, and what their sums begin with. */
export const lowBitChecks: Checks = [
  ['tileLow4x16', checkTile(16, (kernels, sub) => kernels.tileLow4x16({ ...tile, sub }))],
  ['tileLow4x8', checkTile(8, (kernels, sub) => kernels.tileLow4x8({ ...tile, sub }))],
  ['startSums', checkStarts],
];
