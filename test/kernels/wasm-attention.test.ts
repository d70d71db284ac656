/** @file The kernel of attention, called directly: bits of a row whatever rows are computed with it, and the size of its scratch. */
import { expect, it } from 'vitest';
import { compileKernels, instantiateKernels, type Kernels } from '../../src/kernels/wasm/kernels.ts';
import { normal } from '../random.ts';

const { module } = await compileKernels(false);
const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 });
const kernels: Kernels = await instantiateKernels(module, memory);
const f32 = new Float32Array(memory.buffer);

const [nKeys, nHead, headSize, headSizeV] = [700, 2, 20, 12];
const all = 0x3fffffff;
const [q, k, v, y, segments, bias, scratch] = [1, 2, 3, 4, 5, 6, 7].map((i) => i * 0x40000);
const [ldk, ldv] = [nHead * headSize * 4, nHead * headSizeV * 4];
f32.set(normal(nKeys * nHead * headSize, 1, 3), q / 4);
f32.set(normal(nKeys * nHead * headSize, 2, 3), k / 4);
f32.set(normal(nKeys * nHead * headSizeV, 3), v / 4);
f32.set(normal(nHead * (2 * nKeys - 1), 4), bias / 4);
kernels.setSegment({ segments, i: 0, k, ldk, v, ldv, rows: nKeys });

interface Mask {
  readonly back: number;
  readonly forward: number;
  readonly bias?: number;
  readonly softcap?: number;
}

/** The results of queries [begin, end). */
function attend(
  { back, forward, bias = 0, softcap = 0 }: Mask,
  int16: number,
  wide: number,
  begin: number,
  end: number,
) {
  const shape = { nKeys, nHead, nHeadKv: nHead, headSize, headSizeV, scale: 0.2, centre: nKeys - 1 };
  const mask = { back, forward, ahead: 0, bias, softcap, relative: 0, quantized: 0 };
  const rows = { q: q + begin * ldk, ldq: ldk, nQuery: end - begin, firstQuery: begin, y, ldy: ldv };
  kernels.attendSequence({ scratch, segments, nSegments: 1, ...shape, ...mask, ...rows, wide, int16 });
  return f32.slice(y / 4, y / 4 + ((end - begin) * ldv) / 4);
}

const masks: readonly (readonly [string, Mask])[] = [
  ['no mask', { back: all, forward: all }],
  ['a causal mask', { back: all, forward: 0 }],
  ['a window', { back: 40, forward: 40 }],
  ['a window of the past', { back: 300, forward: 0 }],
  ['a bias', { back: all, forward: all, bias }],
  ['a soft limit', { back: all, forward: 0, softcap: 2 }],
];
const modes = [0, 1].flatMap((int16) => [0, 1].map((wide) => ({ int16, wide })));

it.each(masks)('a row with %s has the same bits among any rows', (_, mask) => {
  for (const { int16, wide } of modes) {
    const whole = attend(mask, int16, wide, 0, nKeys);
    expect(whole.every(Number.isFinite)).toBe(true);
    for (const [begin, end] of [
      [0, 37],
      [37, 300],
      [300, nKeys],
      [511, 512],
      [640, 657],
    ]) {
      const part = attend(mask, int16, wide, begin, end);
      expect(part).toEqual(whole.slice((begin * ldv) / 4, (end * ldv) / 4));
    }
    expect(whole).toEqual(attend(mask, int16, 1 - wide, 0, nKeys));
  }
});

it.each([
  [1024, 64],
  [8192, 64],
  [32768, 128],
])('int16 attention over %i keys of %i values needs little more than these in int16', (n, size) => {
  const bytes = kernels.attentionBytes({ nKeys: n, headSize: size, headSizeV: size, int16: 1, nRows: 0 });
  expect(bytes - 4 * n * size).toBeLessThan(0.05 * 4 * n * size + 2500 * size + 60_000);
});

it('a row in int16 keeps its norm within the limit, whatever its size and the rows beside it', () => {
  const n = 22;
  const sizes = [1, 1e-42, 1e-25, 1e-14, 1e12, 1e20, 1e34, Number.NaN, Number.POSITIVE_INFINITY, 0];
  const rows = sizes.map((size, i) =>
    normal(n, i + 20).map((value, j) => (j === 5 || Number.isFinite(size) ? value * size : value)),
  );
  const [groupBytes, from, to, scales] = [192, q, k, y];
  const quantize = (of: readonly Float32Array[]) => {
    of.forEach((row, r) => {
      f32.set(row, from / 4 + r * n);
    });
    kernels.quantizeByNorm({ x: from, ldx: n * 4, rows: of.length, n, q: to, groupBytes, scales });
    const i16 = new Int16Array(memory.buffer);
    return of.map((_, r) => ({
      scale: f32[scales / 4 + r],
      values: Array.from({ length: n }, (_, i) => i16[to / 2 + (r >> 2) * 96 + (i >> 1) * 8 + 2 * (r & 3) + (i & 1)]),
    }));
  };
  const quantized = quantize(rows);
  quantized.forEach(({ scale, values }, r) => {
    const size = sizes[r];
    if (!Number.isFinite(size)) expect(scale).toBeNaN();
    else if (size < 1e-30) expect([scale, ...values]).toEqual(Array(n + 1).fill(0));
    else {
      expect(Math.hypot(...values)).toBeLessThan(46340);
      expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(9000);
      values.forEach((value, i) => {
        expect(Math.abs(value - rows[r][i] / scale)).toBeLessThanOrEqual(0.51);
      });
    }
    expect(quantize([rows[r]])[0]).toEqual({ scale, values });
  });
});
