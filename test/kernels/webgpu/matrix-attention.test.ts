/**
 * @file Attention on subgroup matrices, where the adapter has them: real GPUs, and llvmpipe from Mesa 26 on. `matrix.test.ts` compiles it
 * everywhere.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import type { AttentionOptions, Ops, Weight } from '../../../src/tensor/ops.ts';
import { normal } from '../../random.ts';
import { countingBatch, evaluate, type Sources, source } from '../graphs.ts';
import { expectAsReference, gpu, input, rowsOf, webgpu } from './support.ts';

const adapter = await gpu?.requestAdapter();
const exposed = adapter?.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName) === true;
const total = (sizes: readonly number[]) => sizes.reduce((sum, n) => sum + n, 0);

describe.skipIf(!exposed)('attention on subgroup matrices', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await webgpu({ precision: 'fast', strategy: 'matrix' });
  });
  afterAll(() => backend.dispose());

  const sizes = [1, 70, 5, 33];
  const graphOf =
    (nHead: number, nHeadKv: number, size: number, sizeV: number, options: Partial<AttentionOptions> = {}) =>
    (ops: Ops, w: Record<string, Weight>) => {
      const x = rowsOf(ops, w.x);
      const q = ops.columns(x, 0, nHead * size);
      const k = ops.columns(x, nHead * size, nHeadKv * size);
      const v = ops.columns(x, (nHead + nHeadKv) * size, nHeadKv * sizeV);
      return ops.attention(q, k, v, { nHead, nHeadKv, scale: 1 / Math.sqrt(size), ...options });
    };
  const sourcesOf = (rows: number, nHead: number, nHeadKv: number, size: number, sizeV: number): Sources => ({
    x: input(rows, nHead * size + nHeadKv * (size + sizeV), 21, 1.5),
  });

  const masks: Record<string, Partial<AttentionOptions>> = {
    all: {},
    causal: { causal: true },
    'a window': { window: { kind: 'symmetric', size: 24 } },
    'a causal window': { causal: true, window: { kind: 'standard', size: 40 } },
    'a soft cap': { softcap: 2 },
    'slopes of ALiBi': { alibiMaxBias: 8 },
  };
  it.each(Object.keys(masks))('gives what the reference gives: %s', async (mask) => {
    for (const [nHead, nHeadKv, size, sizeV] of [
      [4, 2, 16, 16],
      [6, 6, 9, 7],
    ] as const) {
      const sources = sourcesOf(total(sizes), nHead, nHeadKv, size, sizeV);
      const graph = graphOf(nHead, nHeadKv, size, sizeV, masks[mask]);
      await expectAsReference(backend, sources, countingBatch(sizes), graph, 4e-3);
    }
  });

  it.each([20, 64])('gives what the reference gives: heads of %i', async (size) => {
    const sources = sourcesOf(total(sizes), 2, 1, size, size);
    await expectAsReference(backend, sources, countingBatch(sizes), graphOf(2, 1, size, size), 4e-3);
  });

  it('gives what the reference gives: the relative bias of T5', async () => {
    const sources: Sources = {
      ...sourcesOf(160, 4, 4, 24, 24),
      bias: [source('bias', [4, 32], normal(128, 32)), 'table'],
    };
    await expectAsReference(
      backend,
      sources,
      countingBatch([160]),
      (ops, w) => graphOf(4, 4, 24, 24, { relativeBias: w.bias })(ops, w),
      4e-3,
    );
  });

  it('is used where heads fit, and only with precision fast', async () => {
    const kernelsOf = async (b: WebGpuBackend, size: number) => {
      const timings = await b.timed(() =>
        evaluate(b, sourcesOf(9, 1, 1, size, size), countingBatch([9]), graphOf(1, 1, size, size)),
      );
      return timings.map(({ kernel }) => kernel).filter((kernel) => kernel.startsWith('attention'));
    };
    const plain = await webgpu({ debug: false });
    const onMatrices = await webgpu({ precision: 'fast', strategy: 'matrix', debug: false });
    expect(await kernelsOf(onMatrices, 16)).toEqual([expect.stringMatching(/^attention 16\/16 matrix /)]);
    expect(await kernelsOf(onMatrices, 256)).toEqual([expect.not.stringContaining('matrix')]);
    expect(await kernelsOf(plain, 16)).toEqual([expect.not.stringContaining('matrix')]);
    plain.dispose();
    onMatrices.dispose();
  });

  it('gives a token the same bits alone, in any batch, and as the only row of its sequence', async () => {
    const graph = graphOf(2, 1, 20, 12);
    const sources = sourcesOf(40, 2, 1, 20, 12);
    const counted = Array.from({ length: 37 }, (_, i) => i);
    const batchOf = (first: readonly number[], n: number) => {
      const ids = [...first, ...new Array(n).fill(counted).flat()];
      return {
        ...countingBatch([...(first.length > 0 ? [first.length] : []), ...new Array(n).fill(37)]),
        ids: Int32Array.from(ids),
      };
    };
    const wanted = await evaluate(backend, sources, batchOf([], 1), graph);
    const packed = await evaluate(backend, sources, batchOf([37, 38, 39], 2), graph);
    expect(packed.slice(3 * 24, 40 * 24)).toEqual(wanted);
    expect(packed.slice(40 * 24)).toEqual(wanted);
    const pooled = await evaluate(backend, sources, batchOf([], 2), (ops, w) =>
      ops.pool(ops.activate(graph(ops, w), 'relu'), 'last'),
    );
    const last = wanted.slice(36 * 24).map((v) => Math.max(v, 0));
    expect(pooled).toEqual(Float32Array.from([...last, ...last]));
  });

  it('is used after a check on the device', async () => {
    const checked = await webgpu({ precision: 'fast', selfCheck: true });
    const sources = sourcesOf(40, 2, 2, 32, 32);
    const graph = graphOf(2, 2, 32, 32);
    expect(await evaluate(checked, sources, countingBatch([40]), graph)).toEqual(
      await evaluate(backend, sources, countingBatch([40]), graph),
    );
    checked.dispose();
  });
});
