/**
 * @file Each hot kernel against plain loops. Run at start-up where the engine that compiles the kernels is told to do
 * something experimental (V8's 256-bit packing): a kernel that gives wrong numbers must never see a model.
 */
import { type Kernels, stripBytes } from './kernels.ts';

/** Relative error that a float32 kernel may have: order of sums, polynomial instead of library exponential. */
const tolerance = 2e-5;

const [rows, k, columns] = [4, 76, 16];
// Byte addresses of what the kernels work on; the checks need less than 128 KiB behind the first page.
const [a, w, t, c, scales, bias] = [0x10000, 0x12000, 0x14000, 0x15000, 0x18000, 0x19000];
/** Where the sums of four sub-blocks begin. */
const subSums = 0x1a000;

/** Views and a source of numbers. */
class Bench {
  readonly i16: Int16Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  #state = 1;

  constructor(memory: WebAssembly.Memory) {
    this.i16 = new Int16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.f32 = new Float32Array(memory.buffer);
  }

  /** A number in [−1, 1). */
  next(): number {
    this.#state = (Math.imul(this.#state, 1103515245) + 12345) | 0;
    return this.#state / 2 ** 31;
  }

  /** Fills `n` float32 at `address`; returns a copy. */
  floats(address: number, n: number, size = 1): Float32Array {
    for (let i = 0; i < n; i++) this.f32[address / 4 + i] = this.next() * size;
    return this.f32.slice(address / 4, address / 4 + n);
  }

  /** Fills `n` int16 at `address`; returns a copy. */
  integers(address: number, n: number, size: number): Int16Array {
    for (let i = 0; i < n; i++) this.i16[address / 2 + i] = this.next() * size;
    return this.i16.slice(address / 2, address / 2 + n);
  }

  /** Whether the values at `address` are `expected(i)`. */
  near(address: number, n: number, expected: (i: number) => number): boolean {
    for (let i = 0; i < n; i++) {
      const [found, wanted] = [this.f32[address / 4 + i], expected(i)];
      if (!(Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted)))) return false;
    }
    return true;
  }
}

type Check = (kernels: Kernels, on: Bench) => boolean;

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

/** A function of one value, on 32 values from −6 to 6. */
function checkRow(run: (kernels: Kernels) => void, expected: (x: number) => number): Check {
  return (kernels, on) => {
    const x = on.floats(a, 32, 6);
    run(kernels);
    return on.near(c, 32, (i) => expected(x[i]));
  };
}

const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** The checks, by kernel. */
const checks: readonly (readonly [name: keyof Kernels, check: Check])[] = [
  ['tileI16x4x16', checkI16((kernels) => kernels.tileI16x4x16({ a, w, t, k4: k * 2 }), 16)],
  ['tileI16x4x8', checkI16((kernels) => kernels.tileI16x4x8({ a, w, t, k4: k * 2 }), 8)],
  ['tileI16x2x16', checkI16((kernels) => kernels.tileI16x2x16({ a, w, t, k4: k * 2 }), 16, 2)],
  ['tileI16x1x16', checkI16((kernels) => kernels.tileI16x1x16({ a, w, t, k4: k * 2 }), 16, 1)],
  ['tileF32x4x16', checkF32((kernels) => kernels.tileF32x4x16({ a, lda: k * 4, w, t, ldt: 64, k4: k * 4 }), 4)],
  ['tileF32x6x16', checkF32((kernels) => kernels.tileF32x6x16({ a, lda: k * 4, w, t, ldt: 64, k4: k * 4 }), 6)],
  ['tilesF32', checkF32((kernels) => kernels.tilesF32({ a, lda: k * 4, rows: 11, w, to: t, k4: k * 4, wide: 1 }), 11)],
  ['tileF32x1x16', checkF32((kernels) => kernels.tileF32x1x16({ a, w, t, k4: k * 4 }), 1)],
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
    'scaleTileK4',
    (kernels, on) => {
      const [s, b, before] = [on.floats(scales, 8), on.floats(bias, 32), on.floats(c, 64)];
      const sub = on.integers(w, 128, 64);
      const sums = [0, 1, 2, 3].map((i) => on.integers(subSums + i * stripBytes, 128, 30000));
      kernels.scaleTileK4({
        t: subSums,
        c,
        aScale: scales,
        ldScale: 8,
        wScale: bias,
        subScales: w,
        factor: 0.001,
        rows: 4,
      });
      return on.near(c, 64, (i) => {
        const [row, j] = [i >> 4, i % 16];
        const pair = (of: Int16Array, block: number) =>
          of[2 * i] * sub[block * 32 + 2 * j] + of[2 * i + 1] * sub[block * 32 + 2 * j + 1];
        const sum = sums.reduce((total, of, block) => total + pair(of, block), 0);
        return before[i] + 0.001 * (sum * s[2 * row] * b[j] + s[2 * row + 1] * b[16 + j]);
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
  ['geluRow', checkRow((kernels) => kernels.geluRow({ x: a, y: c, bytes: 128 }), gelu)],
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
    'shareScales',
    (kernels, on) => {
      const [sums, most] = [on.floats(w, 8 * columns).map((value) => value + 1.5), on.floats(bias, columns)];
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
      const sum = (j: number) => sums.reduce((total, value, i) => (i % columns === j ? total + value : total), 0);
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
    'divideColumns',
    (kernels, on) => {
      const x = on.floats(c, 2 * columns);
      const total = on.floats(bias, columns).map((value) => value + 2);
      on.f32.set(total, bias / 4);
      kernels.divideColumns({ x: c, end: c + 128, total: bias });
      return on.near(c, 2 * columns, (i) => x[i] / total[i & 15]);
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

/** Names of the kernels that are checked. */
export const checkedKernels = checks.map(([name]) => name);

/**
 * The first kernel that gives a wrong result, `undefined` when all are right.
 * @param memory the one that `kernels` were instantiated with, at least three pages; its content is overwritten
 */
export function findWrongKernel(kernels: Kernels, memory: WebAssembly.Memory): string | undefined {
  const on = new Bench(memory);
  return checks.find(([, check]) => !check(kernels, on))?.[0];
}
