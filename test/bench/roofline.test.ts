/**
 * @file The roofline of `bench/gpu`: its arithmetic, and that it knows the work of every kernel.
 */
import { expect, it } from 'vitest';
import { type Ceilings, roofline, rooflineText } from '../../bench/gpu/roofline.mjs';
import { packed, syntheticBert } from '../../bench/gpu/synthetic.mjs';
import { workOf } from '../../bench/gpu/work.mjs';
import { ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { createWebGpuBackend, type WebGpuOptions } from '../../src/kernels/webgpu/index.ts';
import { loadModel } from '../../src/models/index.ts';
import { describeGpu, gpu } from '../kernels/webgpu/support.ts';
import { openFixture, run } from '../models/support.ts';

const shape = { nLayer: 2, nEmbd: 64, nFf: 128, nHead: 2 };
const ceilings: Ceilings = { copyGBs: 100, float: 1000, int8: 4000, matrix: 8000 };
const types = ggmlTypes;

it('takes the larger of the times for arithmetic and for memory as the limit, over all layers', () => {
  const timings = [
    { label: 'linear up-0', kernel: 'matmul F16 16x16', nanoseconds: 5000 },
    { label: 'linear up-1', kernel: 'matmul F16 16x16', nanoseconds: 5000 },
    { label: 'layer norm norm1-0', kernel: 'norm', nanoseconds: 300 },
  ];
  const [up, norm] = roofline(
    timings,
    [
      { flops: 2e6, bytes: 1e4 },
      { flops: 2e6, bytes: 1e4 },
      { flops: 1e3, bytes: 2e4 },
    ],
    ceilings,
  );
  expect(up).toMatchObject({ what: 'linear up', launches: 2, flops: 4e6, bound: 'arithmetic', intensity: 200 });
  expect([up.limitNs, up.nanoseconds, up.reached]).toEqual([4000, 10000, 0.4]);
  expect(norm).toMatchObject({ what: 'layer norm norm1', bound: 'memory', limitNs: 200 });
  const text = rooflineText([up, norm]);
  expect(text).toHaveLength(4);
  expect(text.at(-1)).toBe('most time above the limit: linear up (6.0 µs), layer norm norm1 (0.1 µs)');
});

it('bounds a kernel by the arithmetic that it uses, and does without times', () => {
  const matrix = 'matmul F16 matrix 16x16x16 128x128';
  const kernels = ['matmul Q8_0 int8 64x64', matrix, 'attention 64/64 matrix 8x8x8 32x32', 'attention 64/64 32x32'];
  const timings = kernels.map((kernel, i) => ({ label: `linear up-${i}`, kernel }));
  const rows = roofline(timings, new Array(4).fill({ flops: 8e6, bytes: 1 }), ceilings);
  const limits = Object.fromEntries(rows.map(({ kernel, limitNs }) => [kernel, limitNs]));
  expect(kernels.map((kernel) => limits[kernel])).toEqual([2000, 1000, 1000, 8000]);
  expect(rooflineText(rows).at(-1)).toBe('no times were measured');
});

it('counts what a launch computes and moves', () => {
  const offsets = Int32Array.of(0, 3, 5);
  const of = (kernel: string, values: Record<string, number>) => workOf([{ kernel, values }], { types, offsets })[0];
  const linear = { rows: 5, nIn: 64, nOut: 32, hasResidual: 0 };
  expect(of('matmul F16 64x64 vec4', linear)).toEqual({ flops: 20480, bytes: 2 * 64 * 32 + 4 * 5 * 96 });
  expect(of('matmul gated Q8_0 64x64', { ...linear, hasResidual: 1 })).toEqual({
    flops: 40960,
    bytes: 34 * 2 * 64 + 4 * 5 * 64 + 4 * 5 * 64,
  });
  expect(of('matmul Q8_0 int8 skinny 8', linear).bytes).toBe(34 * 2 * 32 + 1.5 * 5 * 64 + 4 * 5 * 32);
  expect(of('matmul F16 64x64 f16 vec4 from f16 to quantised', { ...linear, hasResidual: 1 }).bytes).toBe(
    2 * 64 * 32 + 2 * 5 * 64 + (2 + 4) * 5 * 32,
  );
  // Twenty columns as float32, twelve as f16.
  expect(of('matmul F16 64x64 f16 vec4 from f16 to quantised', { ...linear, halvesFrom: 20, firstOut: 0 }).bytes).toBe(
    2 * 64 * 32 + 2 * 5 * 64 + 5 * (4 * 20 + 2 * 12),
  );
  const whole = { rows: 5, n: 64, groups: 1, hasResidual: 1, isAdded: 0 };
  expect(of('norm vec4', whole).bytes).toBe(5 * 64 * (4 + 4 + 4));
  expect(of('norm vec4 to f16', whole).bytes).toBe(5 * 64 * (4 + 4 + 2));
  expect(of('norm vec4 to f16 and f32', whole).bytes).toBe(5 * 64 * (4 + 4 + 4 + 2));
  const normed = { normWeightAt: 0, addsFirst: 1, normedFrom: 32 };
  expect(of('matmul normed F32 skinny 8', { ...linear, ...normed })).toEqual({
    flops: 20480 + 8 * 5 * 64,
    bytes: 4 * (64 * 32 + 2 * 5 * 64 + 5 * 32 + 5 * 64),
  });
  const heads = { rows: 5, nHead: 2, nGroup: 2, nTiles: 2, nQueries: 32 };
  // A sequence of three and one of two: 9 + 4 pairs, causal 6 + 3, with one query each 3 + 2.
  const pairsOf = (masks: Record<string, number>) => of('attention 8/4 32x32', { ...heads, ...masks }).flops / (2 * 28);
  expect(pairsOf({ maxBehind: 1e9, maxAhead: 1e9 })).toBe(13);
  expect(pairsOf({ maxBehind: 1e9, maxAhead: 0 })).toBe(9);
  expect(pairsOf({ maxBehind: 1, maxAhead: 0 })).toBe(8);
  expect(pairsOf({ maxBehind: 1e9, maxAhead: 1e9, rows: 2, nQueries: 1 })).toBe(5);
  const seen = { ...heads, maxBehind: 1e9, maxAhead: 1e9 };
  expect(of('attention 8/4 32x32', seen).bytes).toBe(4 * (10 + 5) * 12);
  expect(of('attention 8/4 matrix 8x8x8 32x32 vec4 to f16', seen).bytes).toBe(4 * (10 * 8 + 5 * 12) + 2 * 10 * 4);
  expect(of('attention 8/4 vec4 from f16 to quantised rounded 32x32', seen).bytes).toBe(2 * (10 + 5) * 12);
  expect(of('attention 8/4 vec4 from f16 v rounded 32x32', seen).bytes).toBe(4 * (10 * 12 + 5 * 8) + 2 * 5 * 4);
  const turned = { rows: 5, nHead: 2, headSize: 8 };
  expect(of('rope neox', turned)).toEqual({ flops: 3 * 80, bytes: 80 * 8 });
  expect(of('rope neox to f16', turned)).toEqual({ flops: 3 * 80, bytes: 80 * 6 });
  expect(of('given', { rows: 5, cols: 8, isAdded: 1 })).toEqual({ flops: 40, bytes: 480 });
  const conv = of('shortConv', { rows: 5, cols: 8, nTaps: 3 });
  expect(conv).toEqual({ flops: 5 * 8 * 8, bytes: 4 * 5 * 8 * 4 });
  expect(of('unfold', { rows: 5, cols: 24, width: 8 })).toEqual({ flops: 0, bytes: 4 * 5 * 32 });
});

it('refuses a kernel whose work it does not know', () => {
  expect(() => workOf([{ kernel: 'mystery', values: {} }], { types, offsets: Int32Array.of(0, 1) })).toThrow(
    /kernel mystery/,
  );
});

describeGpu('the work of a forward', () => {
  it.each<[string, WebGpuOptions, number, number]>([
    ['float32, few rows', {}, 6, 4 * 4],
    ['int8', { precision: 'fast', strategy: 'int8' }, 6, 3 * 2 + 4],
    ['results in f16', { precision: 'fast', strategy: 'float' }, 300, 4 * 2],
    ['norms in launches of their own', {}, 300, 4 * 4],
  ])('is known for every launch, and has all products: %s', async (_, options, length, bytesOfHeads) => {
    const backend = await createWebGpuBackend({ gpu, autotune: false, ...options });
    const forward = await syntheticBert(backend, ggmlTypes, shape, 'Q8_0');
    const batch = packed(2, length);
    const timings = await backend.timed(() => forward(batch));
    const work = workOf(timings, { types, offsets: batch.offsets });
    const { nEmbd, nFf, nLayer } = shape;
    const inProducts = 2 * 2 * length * (4 * nEmbd * nEmbd + 2 * nEmbd * nFf) * nLayer;
    const inAttention = 4 * 2 * length * length * nEmbd * nLayer;
    const flops = work.reduce((sum, one) => sum + one.flops, 0);
    expect(flops / (inProducts + inAttention)).toBeGreaterThan(1);
    expect(flops / (inProducts + inAttention)).toBeLessThan(1.15);
    expect(work.every(({ bytes }) => bytes > 0)).toBe(true);
    const heads = timings.findIndex(({ kernel }) => kernel.startsWith('attention'));
    expect(work[heads].bytes).toBe(bytesOfHeads * nEmbd * 2 * length);
    const rows = roofline(timings, work, ceilings);
    expect(rows.reduce((sum, { launches }) => sum + launches, 0)).toBe(timings.length);
    backend.dispose();
  });

  it.each(['nomic-bert', 'modern-bert', 'qwen3', 'nomic-bert-moe', 'gemma2', 't5encoder'])(
    'is known for every launch of %s',
    async (name) => {
      const file = await openFixture(`models/${name}.gguf`);
      const backend = await createWebGpuBackend({ gpu, autotune: false });
      const model = await loadModel(file, backend);
      const sequences = [5, 12].map((n) => Array.from({ length: n }, (_, i) => i + 3));
      for (const pooling of ['mean', 'last'] as const) {
        const timings = await backend.timed(() => run({ file, backend, model }, sequences, pooling));
        const work = workOf(timings, { types, offsets: Int32Array.of(0, 5, 17) });
        expect(work.every(({ flops, bytes }) => flops >= 0 && bytes > 0 && Number.isFinite(flops + bytes))).toBe(true);
        expect(work.some(({ flops }) => flops > 0)).toBe(true);
      }
      backend.dispose();
    },
  );
});
