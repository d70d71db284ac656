/** @file Checks of the products: tiles, the expansion of panels, and the scaling of sums. */
import type { Kernels } from '../kernels.ts';
import { a, bias, type Check, type Checks, c, columns, k, type Operands, rows, scales, t, w } from './operands.ts';

function checkI16(run: (kernels: Kernels) => void, nColumns: number, nRows = rows): Check {
  return (kernels, on) => {
    const x = on.integers(a, rows * k, 9000);
    const y = on.integers(w, k * columns, 3000);
    run(kernels);
    for (let r = 0; r < nRows; r++) {
      for (let j = 0; j < nColumns; j++) {
        let sum = 0;
        for (let i = 0; i < k; i++) sum += x[(i >> 1) * 8 + 2 * r + (i & 1)] * y[(i >> 1) * 32 + 2 * j + (i & 1)];
        if (on.i32[t / 4 + r * columns + j] !== sum) return false;
      }
    }
    return true;
  };
}

function checkF32(run: (kernels: Kernels) => void, nRows: number): Check {
  return (kernels, on) => {
    const x = on.floats(a, nRows * k);
    const y = on.floats(w, k * columns);
    run(kernels);
    return on.near(t, nRows * columns, (at) => {
      let sum = 0;
      const [r, j] = [Math.floor(at / columns), at % columns];
      for (let i = 0; i < k; i++) sum += x[r * k + i] * y[i * columns + j];
      return sum;
    });
  };
}

/** Values of k of a panel of Q8_0. */
const kQ8 = 96;

/** A panel of Q8_0 with the largest bytes and ratios of either sign, and with mixed ones; returns its weights in the order of an int16 panel. */
function panelQ8(on: Operands): number[] {
  const kinds: [byte: number, ratio: number][] = [
    [-128, 32767],
    [-128, -32767],
    [127, 32767],
  ];
  const x = on.bytes(w, kQ8 * columns, () => on.next() * 128);
  const ratios = on.integers(scales, (kQ8 / 32) * columns, 32767);
  kinds.forEach(([byte, ratio], i) => {
    x[2 * i] = on.i8[w + 2 * i] = byte;
    ratios[i] = on.i16[scales / 2 + i] = ratio;
  });
  return Array.from(x, (value, i) => Math.floor((value * ratios[(i >> 9) * columns + ((i >> 1) & 15)] + 64) / 128));
}

const checkExpand: Check = (kernels, on) => {
  const weights = panelQ8(on);
  kernels.expandQ8({ w, ratios: scales, k: kQ8, to: c });
  return weights.every((weight, i) => on.i16[c / 2 + i] === weight);
};

/** The weights are so large that sums wrap around. */
function checkQ8(run: (kernels: Kernels) => void, nColumns: number): Check {
  return (kernels, on) => {
    const x = on.integers(a, rows * kQ8, 9000);
    const weights = panelQ8(on);
    run(kernels);
    const sum = (r: number, j: number) => {
      let total = 0;
      for (let i = 0; i < kQ8; i++) {
        total = (total + x[(i >> 1) * 8 + 2 * r + (i & 1)] * weights[(i >> 1) * 32 + 2 * j + (i & 1)]) | 0;
      }
      return total;
    };
    return (
      weights.every((weight, i) => on.i16[c / 2 + i] === weight) &&
      [0, 1, 2, 3].every((r) =>
        on.i32.subarray(t / 4 + r * columns, t / 4 + r * columns + nColumns).every((found, j) => found === sum(r, j)),
      )
    );
  };
}

/** Tiles, the expansion of their panels, and the scaling of their sums. */
export const productChecks: Checks = [
  ['tileI16x4x16', checkI16((kernels) => kernels.tileI16x4x16({ a, w, t, k4: k * 2 }), 16)],
  ['tileI16x4x8', checkI16((kernels) => kernels.tileI16x4x8({ a, w, t, k4: k * 2 }), 8)],
  ['tileI16x2x16', checkI16((kernels) => kernels.tileI16x2x16({ a, w, t, k4: k * 2 }), 16, 2)],
  ['tileI16x1x16', checkI16((kernels) => kernels.tileI16x1x16({ a, w, t, k4: k * 2 }), 16, 1)],
  ['tileF32x4x16', checkF32((kernels) => kernels.tileF32x4x16({ a, lda: k * 4, w, t, ldt: 64, k4: k * 4 }), 4)],
  ['tileF32x6x16', checkF32((kernels) => kernels.tileF32x6x16({ a, lda: k * 4, w, t, ldt: 64, k4: k * 4 }), 6)],
  ['tilesF32', checkF32((kernels) => kernels.tilesF32({ a, lda: k * 4, rows: 11, w, to: t, k4: k * 4, wide: 1 }), 11)],
  ['tileF32x1x16', checkF32((kernels) => kernels.tileF32x1x16({ a, w, t, k4: k * 4 }), 1)],
  ['expandQ8', checkExpand],
  ['tileQ8x4x16', checkQ8((kernels) => kernels.tileQ8x4x16({ a, w, ratios: scales, k: kQ8, expanded: c, t }), 16)],
  ['tileQ8x4x8', checkQ8((kernels) => kernels.tileQ8x4x8({ a, w, ratios: scales, k: kQ8, expanded: c, t }), 8)],
  [
    'scaleTile',
    (kernels, on) => {
      const [s, b] = [on.floats(scales, 4), on.floats(bias, 32)];
      const sums = Int32Array.from({ length: 64 }, () => on.next() * 1e6);
      on.i32.set(sums, t / 4);
      kernels.scaleTile({
        t,
        c,
        ldc: 64,
        base: bias,
        ldBase: 0,
        aScale: scales,
        ldScale: 4,
        wScale: bias + 64,
        factor: 0.001,
        rows: 4,
      });
      return on.near(c, 64, (i) => b[i % 16] + sums[i] * 0.001 * s[i >> 4] * b[16 + (i % 16)]);
    },
  ],
  [
    'scaleTileU8',
    (kernels, on) => {
      const [s, b] = [on.floats(scales, 8), on.floats(bias, 48)];
      const sums = Int32Array.from({ length: 64 }, () => on.next() * 1e6);
      on.i32.set(sums, t / 4);
      kernels.scaleTileU8({
        t,
        c,
        ldc: 64,
        base: bias,
        ldBase: 0,
        aScale: scales,
        ldScale: 8,
        wScale: bias + 64,
        factor: 0.001,
        rows: 4,
      });
      return on.near(c, 64, (i) => {
        const [row, j] = [i >> 4, i % 16];
        return b[j] + 0.001 * (sums[i] * s[2 * row] * b[16 + j] + s[2 * row + 1] * b[32 + j]);
      });
    },
  ],
  [
    'addTile',
    (kernels, on) => {
      const [x, b] = [on.floats(t, 64), on.floats(bias, 16)];
      kernels.addTile({ t, c, ldc: 64, base: bias, ldBase: 0, factor: 0.5, rows: 4 });
      return on.near(c, 64, (i) => b[i % 16] + 0.5 * x[i]);
    },
  ],
];
