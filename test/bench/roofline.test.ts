/**
 * @file The roofline of `bench/gpu`: its arithmetic, and that it knows the work of every launch of a forward.
 */
import { expect, it } from 'vitest';
import { type Ceilings, roofline, rooflineText, workOf } from '../../bench/gpu/roofline.mjs';
import { packed, syntheticBert } from '../../bench/gpu/synthetic.mjs';
import { ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { createWebGpuBackend, type WebGpuOptions } from '../../src/kernels/webgpu/index.ts';
import { describeGpu, gpu } from '../kernels/webgpu/support.ts';

const shape = { nLayer: 2, nEmbd: 64, nFf: 128, nHead: 2 };
const ceilings: Ceilings = { copyGBs: 100, float: 1000, int8: 4000, matrix: 8000 };

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
  const kernels = ['matmul Q8_0 int8 64x64', 'matmul F16 matrix 16x16x16 128x128', 'attention'];
  const timings = kernels.map((kernel, i) => ({ label: `linear up-${i}`, kernel }));
  const rows = roofline(timings, new Array(3).fill({ flops: 8e6, bytes: 1 }), ceilings);
  expect(Object.fromEntries(rows.map(({ kernel, limitNs }) => [kernel, limitNs]))).toEqual({
    [kernels[0]]: 2000,
    [kernels[1]]: 1000,
    [kernels[2]]: 8000,
  });
  expect(rooflineText(rows).at(-1)).toBe('no times were measured');
});

it('refuses a launch whose work it does not know', () => {
  expect(() => workOf(['mystery'], { shape, bytesPerWeight: 2, nSeq: 1, length: 4 })).toThrow(/launch mystery/);
});

describeGpu('the work of a forward', () => {
  it.each<[string, WebGpuOptions, number]>([
    ['float32, few rows', {}, 6],
    ['int8', { precision: 'fast', strategy: 'int8' }, 6],
    ['norms in launches of their own', {}, 300],
  ])('is known for every launch, and has all products: %s', async (_, options, length) => {
    const backend = await createWebGpuBackend({ gpu, autotune: false, ...options });
    const forward = await syntheticBert(backend, ggmlTypes, shape, 'Q8_0');
    const timings = await backend.timed(() => forward(packed(2, length)));
    const work = workOf(
      timings.map(({ label }) => label),
      { shape, bytesPerWeight: 34 / 32, nSeq: 2, length },
    );
    const { nEmbd, nFf, nLayer } = shape;
    const inProducts = 2 * 2 * length * (4 * nEmbd * nEmbd + 2 * nEmbd * nFf) * nLayer;
    const inAttention = 4 * 2 * length * length * nEmbd * nLayer;
    const flops = work.reduce((sum, one) => sum + one.flops, 0);
    expect(flops / (inProducts + inAttention)).toBeGreaterThan(1);
    expect(flops / (inProducts + inAttention)).toBeLessThan(1.15);
    expect(work.every(({ bytes }) => bytes > 0)).toBe(true);
    const rows = roofline(timings, work, ceilings);
    expect(rows.reduce((sum, { launches }) => sum + launches, 0)).toBe(timings.length);
    backend.dispose();
  });
});
