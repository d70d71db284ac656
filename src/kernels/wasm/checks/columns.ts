/** @file Checks of the kernels that process columns: softmax and its products in attention. */
import { a, bias, type Checks, c, columns, scales, t, w } from './operands.ts';

/** Kernels that process the columns of a strip of scores. */
export const columnChecks: Checks = [
  [
    'largestColumns',
    (kernels, on) => {
      const x = on.floats(a, 8 * columns);
      kernels.largestColumns({ s: a, end: a + 512, largest: c });
      return on.near(c, columns, (j) => Math.max(...x.filter((_, i) => i % columns === j)));
    },
  ],
  [
    'expColumns',
    (kernels, on) => {
      const x = on.floats(c, 16 * columns, 6);
      const most = on.floats(bias, 8).map((value) => value + 7);
      on.f32.set(most, bias / 4);
      on.f32.fill(0, w / 4, w / 4 + 8 * columns);
      kernels.expColumns({ s: c, end: c + 1024, largest: bias, sums: w });
      const exp = (i: number) => ((i & 15) < 8 ? Math.exp(x[i] - most[i & 15]) : x[i]);
      const sum = (i: number) => ((i & 15) < 8 ? exp(i) + exp(i + 8 * columns) : 0);
      return on.near(c, 16 * columns, exp) && on.near(w, 8 * columns, sum);
    },
  ],
  [
    'scaleScores',
    (kernels, on) => {
      const [key, query] = [on.floats(scales, 4), on.floats(bias, columns)];
      const sums = Int32Array.from({ length: 4 * columns }, () => on.next() * 1e6);
      on.i32.set(sums, t / 4);
      const least = on.floats(a, columns, 100);
      kernels.scaleScores({ t, keyScales: scales, queryScales: bias, factor: 1e-3, keys: 4, s: c, largest: a });
      const score = (i: number) => sums[i] * 1e-3 * key[i >> 4] * query[i & 15];
      const largest = (j: number) => Math.max(least[j], ...[0, 1, 2, 3].map((i) => score(i * columns + j)));
      return on.near(c, 4 * columns, score) && on.near(a, columns, largest);
    },
  ],
  [
    'raiseLargest',
    (kernels, on) => {
      const tops = on.floats(a, columns, 40);
      const before = on.floats(c, columns);
      const raised = tops.map((top, j) => Number(top > before[j] + 10));
      const any = kernels.raiseLargest({ blockLargest: a, largest: c, factors: c + 64 });
      return (
        any === Number(raised.includes(1)) &&
        on.near(c, columns, (j) => (raised[j] ? tops[j] : before[j])) &&
        on.near(c + 64, columns, (j) => (raised[j] ? Math.exp(before[j] - tops[j]) : 1))
      );
    },
  ],
  [
    'shareColumns',
    (kernels, on) => {
      const x = on.floats(c, 16 * columns, 6);
      x[3] = Number.NEGATIVE_INFINITY;
      on.f32[c / 4 + 3] = x[3];
      const most = on.floats(bias, 8).map((value) => value + 7);
      on.f32.set(most, bias / 4);
      kernels.shareColumns({ s: c, end: c + 1024, largest: bias, sums: w });
      const exp = (i: number) => ((i & 15) < 8 ? Math.exp(x[i] - most[i & 15]) : x[i]);
      const sum = (j: number) => {
        let total = 0;
        for (let i = j; i < 16 * columns; i += 2 * columns) total += exp(i);
        return total;
      };
      const sums = [0, columns].every((key) => on.near(w + 4 * key, 8, (j) => sum(key + j)));
      return on.near(c, 16 * columns, exp) && sums;
    },
  ],
  [
    'shareScales',
    (kernels, on) => {
      const [sums, most] = [on.floats(w, 2 * columns).map((value) => value + 1.5), on.floats(bias, columns)];
      on.f32.set(sums, w / 4);
      on.f32.fill(1, bias / 4 + columns, bias / 4 + 2 * columns);
      on.f32.fill(2, scales / 4, scales / 4 + columns);
      kernels.shareScales({
        sums: w,
        blockLargest: bias,
        largest: bias + 64,
        total: scales,
        scales: c,
        factors: c + 64,
      });
      const sum = (j: number) => sums[j] + sums[columns + j];
      const largest = (j: number) => Math.max(sum(j) / 262000, Math.exp(most[j] - 1) / 32767);
      return (
        on.near(scales, columns, (j) => 2 + sum(j)) &&
        on.near(c + 64, columns, (j) => 1 / largest(j)) &&
        sums.slice(0, columns).every((_, j) => Math.abs(on.f32[c / 4 + j] * on.f32[c / 4 + 16 + j] - 1) < 1e-6)
      );
    },
  ],
  [
    'pairColumns',
    (kernels, on) => {
      const x = on.floats(a, 4 * columns).map((value) => Math.abs(value));
      on.f32.set(x, a / 4);
      const factors = on.floats(bias, columns).map((value) => 30000 + value * 2000);
      on.f32.set(factors, bias / 4);
      kernels.pairColumns({ s: a, end: a + 256, factors: bias, to: c });
      return x.every((value, i) => {
        const [key, j] = [i >> 4, i & 15];
        return Math.abs(on.i16[c / 2 + (key >> 1) * 32 + 2 * j + (key & 1)] - value * factors[j]) <= 0.51;
      });
    },
  ],
  [
    'multiplyColumns',
    (kernels, on) => {
      const x = on.floats(c, 2 * columns);
      const factors = on.floats(bias, columns);
      kernels.multiplyColumns({ x: c, end: c + 128, factors: bias });
      return on.near(c, 2 * columns, (i) => x[i] * factors[i & 15]);
    },
  ],
  [
    'transpose',
    (kernels, on) => {
      const x = on.floats(a, 7 * 10);
      kernels.transpose({ from: a, ldf: 40, rows: 7, cols: 10, to: c, ldt: 28 });
      return on.near(c, 70, (i) => x[(i % 7) * 10 + Math.floor(i / 7)]);
    },
  ],
];
