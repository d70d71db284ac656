/** @file Checks of the kernels that process rows: activations, norms, rope, quantisation. */
import type { Kernels } from '../kernels.ts';
import { a, bias, type Check, type Checks, c, k, scales, tolerance, w } from './operands.ts';

/** A function of one value, on 32 values from −6 to 6. */
function checkRow(run: (kernels: Kernels) => void, expected: (x: number) => number): Check {
  return (kernels, on) => {
    const x = on.floats(a, 32, 6);
    run(kernels);
    return on.near(c, 32, (i) => expected(x[i]));
  };
}

const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** By the trapezoidal rule over the density: far more exact than float32. */
function geluErf(x: number): number {
  const n = 200;
  const density = (t: number) => Math.exp(-0.5 * t * t);
  let sum = 0.5 * (density(0) + density(x));
  for (let i = 1; i < n; i++) sum += density((x * i) / n);
  return x * (0.5 + (sum * x) / n / Math.sqrt(2 * Math.PI));
}

/** Kernels that process rows. */
export const rowChecks: Checks = [
  ['geluRow', checkRow((kernels) => kernels.geluRow({ x: a, y: c, bytes: 128 }), gelu)],
  ['geluErfRow', checkRow((kernels) => kernels.geluErfRow({ x: a, y: c, bytes: 128 }), geluErf)],
  [
    'geluQuickRow',
    checkRow(
      (kernels) => kernels.geluQuickRow({ x: a, y: c, bytes: 128 }),
      (x) => x / (1 + Math.exp(-1.702 * x)),
    ),
  ],
  [
    'siluRow',
    checkRow(
      (kernels) => kernels.siluRow({ x: a, y: c, bytes: 128 }),
      (x) => x / (1 + Math.exp(-x)),
    ),
  ],
  [
    'expSum',
    (kernels, on) => {
      const x = on.floats(c, 32, 6);
      const sum = kernels.expSum({ p: c, end: c + 128, largest: 6 });
      const exact = x.reduce((total, value) => total + Math.exp(value - 6), 0);
      return on.near(c, 32, (i) => Math.exp(x[i] - 6)) && Math.abs(sum - exact) <= tolerance * exact;
    },
  ],
  [
    'addRows',
    (kernels, on) => {
      const [x, y] = [on.floats(a, 32), on.floats(w, 32)];
      kernels.addRows({ a, lda: 128, b: w, ldb: 128, y: c, ldy: 128, rows: 1, cols: 32 });
      return on.near(c, 32, (i) => x[i] + y[i]);
    },
  ],
  [
    'addScaledRows',
    (kernels, on) => {
      const [x, y] = [on.floats(a, 32), on.floats(w, 32)];
      kernels.addScaledRows({ a, lda: 128, b: w, ldb: 128, y: c, ldy: 128, rows: 1, cols: 32, factor: -2.5 });
      return on.near(c, 32, (i) => x[i] - 2.5 * y[i]);
    },
  ],
  [
    'quantizeRows',
    (kernels, on) => {
      const x = on.floats(a, k, 3);
      const step = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 8000;
      kernels.quantizeRows({ x: a, ldx: k * 4, rows: 1, k, q: c, groupBytes: 640, scales, kb: 96, limit: 8000 });
      const at = (i: number) => on.i16[c / 2 + (i >> 1) * 8 + (i & 1)];
      return x.every((value, i) => Math.abs(at(i) * on.f32[scales / 4] - value) <= 0.51 * step);
    },
  ],
  [
    'quantizeByNorm',
    (kernels, on) => {
      const x = on.floats(a, 5 * k, 3);
      kernels.quantizeByNorm({ x: a, ldx: k * 4, rows: 5, n: k, q: c, groupBytes: 640, scales });
      const at = (row: number, i: number) => on.i16[c / 2 + (row >> 2) * 320 + (i >> 1) * 8 + 2 * (row & 3) + (i & 1)];
      const missing = on.f32.slice(scales / 4 + 5, scales / 4 + 8);
      if (missing.some((scale) => scale !== 0)) return false;
      return [0, 1, 2, 3, 4].every((row) => {
        const scale = on.f32[scales / 4 + row];
        const values = x.slice(row * k, (row + 1) * k);
        const norm = Math.hypot(...values.map((_, i) => at(row, i)));
        return (
          norm < 46340 &&
          norm > 46300 &&
          values.every((value, i) => Math.abs(at(row, i) * scale - value) <= 0.51 * scale)
        );
      });
    },
  ],
  [
    'joinGroups',
    (kernels, on) => {
      const x = on.integers(a, 16 * 8, 30000);
      kernels.joinGroups({ groups: a, groupBytes: 64, panel: c });
      return x.every((value, i) => {
        const [group, pair, rest] = [i >> 5, (i >> 3) & 3, i & 7];
        return on.i16[c / 2 + pair * 32 + group * 8 + rest] === value;
      });
    },
  ],
  [
    'quantizeRowsU8',
    (kernels, on) => {
      const x = on.floats(a, k, 3);
      kernels.quantizeRowsU8({
        x: a,
        ldx: k * 4,
        rows: 1,
        k,
        q: c,
        groupBytes: 320,
        scales,
        kb: 96,
        levels: 255,
        zero: 0,
      });
      const [scale, least] = [on.f32[scales / 4], on.f32[scales / 4 + 1]];
      const step = (Math.max(...x) - Math.min(...x)) / 255;
      const at = (i: number) => (on.i32[c / 4 + (i >> 2) * 4] >> (8 * (i & 3))) & 255;
      return x.every((value, i) => Math.abs(least + scale * at(i) - value) <= 0.51 * step);
    },
  ],
  [
    'ropeRows',
    (kernels, on) => {
      const [x, table] = [on.floats(a, 16), on.floats(w, 16)];
      kernels.ropeRows({
        x: a,
        ldx: 64,
        y: c,
        ldy: 64,
        table: w,
        ldt: 64,
        rows: 1,
        nHead: 1,
        headSize: 16,
        nPairs: 8,
        neox: 1,
      });
      return on.near(c, 16, (i) => {
        const [cos, sin, first, second] = [table[2 * (i % 8)], table[2 * (i % 8) + 1], x[i % 8], x[(i % 8) + 8]];
        return i < 8 ? first * cos - second * sin : first * sin + second * cos;
      });
    },
  ],
  [
    'normRows',
    (kernels, on) => {
      const [x, b] = [on.floats(a, k), on.floats(bias, 2 * k)];
      kernels.normRows({
        x: a,
        ldx: k * 4,
        residual: 0,
        ldr: 0,
        weight: bias,
        bias: bias + k * 4,
        y: c,
        ldy: k * 4,
        rows: 1,
        groups: 1,
        n: k,
        eps: 0,
        rms: 0,
      });
      const mean = x.reduce((sum, value) => sum + value, 0) / k;
      const deviation = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / k);
      return on.near(c, k, (i) => ((x[i] - mean) / deviation) * b[i] + b[k + i]);
    },
  ],
];
