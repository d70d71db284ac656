/**
 * @file Queries, keys and values are stored as f16 with precision `fast`, where only attention reads them: the bits are those of float32
 * that attention rounds, for any number of rows, with every strategy of the products in front of it.
 */
import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/gguf/ggml-types.ts';
import type { WebGpuBackend, WebGpuOptions } from '../../../src/kernels/webgpu/index.ts';
import type { Batch } from '../../../src/tensor/batch.ts';
import type { AttentionOptions, Ops, RopeOptions, Tensor, Weight } from '../../../src/tensor/ops.ts';
import { normal } from '../../random.ts';
import { countingBatch, evaluate, type Graph, type Sources, source } from '../graphs.ts';
import { expectAsReference, gpu, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const adapter = await gpu?.requestAdapter();
const hasHalves = adapter?.features.has('shader-f16') === true;
const hasMatrices = adapter?.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName) === true;

const nIn = 64;
const sizes = [3, 1, 37];
const rows = sizes.reduce((sum, n) => sum + n, 0);

interface Case {
  readonly heads: readonly [nHead: number, nHeadKv: number, size: number];
  readonly rope?: Pick<RopeOptions, 'kind' | 'nRot' | 'coordinates'>;
  readonly isNormed?: boolean;
  readonly options?: (w: Record<string, Weight>) => Partial<AttentionOptions>;
  /** Kernels in front of attention that store f16, and the operands that attention reads as f16. */
  readonly stores: readonly RegExp[];
  /** Except with `float` and so few rows, the product rotates whole heads itself. */
  readonly rotatesInProduct?: boolean;
  readonly from: RegExp;
}

const product = /^matmul .* to /;
const all = / from f16 /;

const cases: Record<string, Case> = {
  'heads that are not rotated': { heads: [4, 4, 16], stores: [product], from: all },
  'shared keys and values, causal': {
    heads: [4, 2, 16],
    options: () => ({ causal: true }),
    stores: [product],
    from: all,
  },
  'slopes of ALiBi': { heads: [2, 1, 24], options: () => ({ alibiMaxBias: 8 }), stores: [product], from: all },
  'the relative bias of T5': {
    heads: [4, 4, 8],
    options: (w) => ({ relativeBias: w.relative }),
    stores: [product],
    from: all,
  },
  'distances of DeBERTa': {
    heads: [2, 2, 16],
    options: (w) => ({ disentangled: { nRows: 32, maxDistance: 100, keys: w.distances, queries: w.distances } }),
    stores: [product],
    from: all,
  },
  'rotated halves of heads, a window': {
    heads: [4, 4, 16],
    rope: { kind: 'neox', nRot: 16 },
    options: () => ({ window: { kind: 'symmetric', size: 8 } }),
    stores: [product, /^rope neox to /],
    rotatesInProduct: true,
    from: all,
  },
  'rotated neighbours in a part of each head': {
    heads: [4, 2, 24],
    rope: { kind: 'norm', nRot: 12 },
    stores: [product, /^rope norm to /],
    from: all,
  },
  'rotated by coordinates': {
    heads: [2, 1, 16],
    rope: { kind: 'neox', nRot: 16, coordinates: { kind: 'sections', sizes: [2, 3, 3] } },
    stores: [product, /^rope neox to /],
    rotatesInProduct: true,
    from: all,
  },
  'normed heads that are rotated': {
    heads: [4, 2, 16],
    rope: { kind: 'neox', nRot: 8 },
    isNormed: true,
    stores: [product, /^norm and rope neox to /],
    from: all,
  },
  'normed heads': { heads: [4, 2, 16], isNormed: true, stores: [product, /^norm .*to /, /^norm .*to /], from: all },
  'values alone, because two rotated values are no word': {
    heads: [2, 2, 16],
    rope: { kind: 'neox', nRot: 6 },
    stores: [product],
    from: / from f16 v /,
  },
};

function graphOf({ heads: [nHead, nHeadKv, size], rope, isNormed, options }: Case): Graph {
  return (ops: Ops, w: Record<string, Weight>): Tensor => {
    const qkv = ops.linear(rowsOf(ops, w.x), { weight: w.qkv, bias: w.bias });
    const part = (first: number, n: number, weight: Weight) => {
      let x = ops.columns(qkv, first * size, n * size);
      if (isNormed) x = ops.norm(x, { weight }, { kind: 'rms', eps: 1e-6, groups: n });
      return rope === undefined ? x : ops.rope(x, { ...rope, nHead: n, freqBase: 100 });
    };
    const [q, k] = [part(0, nHead, w.q), part(nHead, nHeadKv, w.k)];
    const v = ops.columns(qkv, (nHead + nHeadKv) * size, nHeadKv * size);
    return ops.attention(q, k, v, { nHead, nHeadKv, scale: 1 / Math.sqrt(size), ...options?.(w) });
  };
}

function sourcesOf({ heads: [nHead, nHeadKv, size] }: Case, type: GgmlTypeName): Sources {
  const nOut = (nHead + 2 * nHeadKv) * size;
  const vector = (name: string, n: number, seed: number) => [source(name, [n], normal(n, seed)), 'vector'] as const;
  const table = (name: string, shape: number[], seed: number) =>
    [source(name, shape, normal(shape[0] * shape[1], seed)), 'table'] as const;
  return {
    x: input(rows, nIn, 1, 0.1),
    qkv: [randomBlocks('qkv', type, [nIn, nOut], 2), 'matrix'],
    bias: vector('bias', nOut, 3),
    q: vector('q', size, 4),
    k: vector('k', size, 5),
    relative: table('relative', [nHead, 32], 6),
    distances: table('distances', [nHead * size, 32], 7),
  };
}

function batchOf(lengths: readonly number[]): Batch {
  const batch = countingBatch(lengths);
  return {
    ...batch,
    coordinates: Int32Array.from([...batch.positions].flatMap((at) => [at, (at * 3) % 5, at % 7, 0])),
  };
}

const styles: [string, WebGpuOptions, GgmlTypeName, number][] = [
  ['float', { precision: 'fast', strategy: 'float' }, 'Q8_0', 4e-3],
  ['int8', { precision: 'fast', strategy: 'int8' }, 'Q8_0', 3e-2],
  ['matrix', { precision: 'fast', strategy: 'matrix' }, 'F16', 4e-3],
];
const possible = styles.filter(([name]) => name !== 'matrix' || hasMatrices);

async function kernelsOf(backend: WebGpuBackend, work: () => Promise<unknown>): Promise<string[]> {
  return (await backend.timed(work)).map(({ kernel }) => kernel);
}

describe.skipIf(!hasHalves).each(possible)('queries, keys and values in f16: %s', (_, options, type, tolerance) => {
  it.each(Object.keys(cases))('%s', async (name) => {
    const { heads, from, rotatesInProduct = false } = cases[name];
    const isInProduct = rotatesInProduct && options.strategy !== 'float';
    const stores = isInProduct ? [/^matmul .*rotated .* to /] : cases[name].stores;
    const graph = graphOf(cases[name]);
    const sources = sourcesOf(cases[name], type);
    const backend = await webgpu({ ...options, debug: false });
    let found: Float32Array = new Float32Array();
    const kernels = await kernelsOf(backend, async () => {
      found = await evaluate(backend, sources, batchOf(sizes), graph);
    });
    expect(kernels.at(-1)).toMatch(/^attention/);
    expect(`${kernels.at(-1)} `).toMatch(from);
    expect(kernels.filter((kernel) => / to /.test(kernel))).toEqual(
      stores.map((pattern) => expect.stringMatching(pattern)),
    );
    await expectAsReference(backend, sources, batchOf(sizes), graph, tolerance);

    const width = heads[0] * heads[2];
    for (const n of [1, 2]) {
      const some = await evaluate(backend, sources, batchOf(sizes.slice(0, n)), graph);
      expect(some).toEqual(found.slice(0, some.length));
    }
    const lasts = await evaluate(backend, sources, batchOf(sizes), (ops, w) => ops.pool(graph(ops, w), 'last'));
    const ends = sizes.map((_size, s) => sizes.slice(0, s + 1).reduce((sum, n) => sum + n, 0));
    expect(lasts).toEqual(Float32Array.from(ends.flatMap((end) => [...found.slice((end - 1) * width, end * width)])));
    // An observed forward stores float32.
    backend.observe(() => {});
    expect(await evaluate(backend, sources, batchOf(sizes), graph)).toEqual(found);
    backend.dispose();
  });
});
