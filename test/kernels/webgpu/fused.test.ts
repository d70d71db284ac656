/**
 * @file Steps that are several operations: products of one input, gated products, norms and rotations of queries and keys; and how many
 * launches a layer takes.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/gguf/ggml-types.ts';
import { createWebGpuBackend, type WebGpuBackend, type WebGpuOptions } from '../../../src/kernels/webgpu/index.ts';
import type { RotationKind } from '../../../src/kernels/webgpu/shaders/rope.wgsl.ts';
import { tiles } from '../../../src/kernels/webgpu/strategies.ts';
import { loadModel } from '../../../src/models/index.ts';
import type { Activation, Ops, Tensor, Weight } from '../../../src/tensor/ops.ts';
import { openFixture, run } from '../../models/support.ts';
import { normal } from '../../random.ts';
import { countingBatch, evaluate, type Sources, source } from '../graphs.ts';
import { describeGpu, expectAsReference, gpu, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const vector = (name: string, n: number, seed: number) => [source(name, [n], normal(n, seed)), 'vector'] as const;
const matrix = (name: string, type: GgmlTypeName, nIn: number, nOut: number, seed: number) =>
  [randomBlocks(name, type, [nIn, nOut], seed), 'matrix'] as const;

/** Products in float32 with each kind of tile, and the error that is allowed. */
const floatTiles: [string, WebGpuOptions, number][] = [
  ['float32', {}, 2e-5],
  ['float32, a tile of eight columns', { tile: { bm: 8, bn: 32, tm: 2, tn: 8 } }, 2e-5],
  ['float32, a tile of several rows', { tile: { bm: 8, bn: 16, tm: 2, tn: 4 } }, 2e-5],
  ['float32, a step ahead', { tile: { bm: 8, bn: 16, tm: 2, tn: 4, buffers: 2 } }, 2e-5],
];
/** How products compute, but on subgroup matrices (`matrix.test.ts`). */
const styles: [string, WebGpuOptions][] = [
  ['float32', {}],
  ['f16', { precision: 'fast', strategy: 'float' }],
  ['int8', { precision: 'fast', strategy: 'int8' }],
];

describeGpu('products of one input', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await webgpu();
  });
  afterAll(() => backend.dispose());

  it.each<[GgmlTypeName, GgmlTypeName, string]>([
    ['Q8_0', 'Q8_0', 'one launch for three weights'],
    ['Q4_K', 'Q6_K', 'one for queries and keys, one for values of another type'],
    ['F32', 'F32', 'plain values'],
    ['MXFP4', 'MXFP4', 'scales of a byte'],
  ])('%s and %s: %s', async (type, ofValues) => {
    const [nIn, rows] = [256, 21];
    const sources: Sources = {
      x: input(rows, nIn, 1),
      q: matrix('q', type, nIn, 24, 2),
      bias: vector('bias', 24, 3),
      k: matrix('k', type, nIn, 8, 4),
      v: matrix('v', ofValues, nIn, 8, 5),
    };
    const graph = (ops: Ops, w: Record<string, Weight>) => {
      const x = rowsOf(ops, w.x);
      const [q, k, v] = [{ weight: w.q, bias: w.bias }, { weight: w.k }, { weight: w.v }].map((l) => ops.linear(x, l));
      return ops.attention(q, k, v, { nHead: 3, nHeadKv: 1, scale: 0.1 });
    };
    await expectAsReference(backend, sources, countingBatch([17, 4]), graph);
    await expectAsReference(backend, sources, countingBatch([3]), graph);
  });

  it('of widths that are no multiples of four, with views of the results', async () => {
    const sources: Sources = {
      x: input(9, 40, 1),
      a: matrix('a', 'F32', 40, 7, 2),
      b: matrix('b', 'F32', 40, 7, 3),
    };
    await expectAsReference(backend, sources, countingBatch([9]), (ops, w) => {
      const x = rowsOf(ops, w.x);
      const [a, b] = [ops.linear(x, { weight: w.a }), ops.linear(x, { weight: w.b })];
      return ops.add(ops.columns(a, 2, 5), ops.columns(b, 1, 5));
    });
  });
});

describeGpu('gated products', () => {
  const shapes = fc.record({
    rows: fc.constantFrom(1, 3, 8, 9, 21),
    nFf: fc.constantFrom(4, 12, 20, 36, 40),
    activation: fc.constantFrom<Activation>('gelu', 'silu'),
    oneWeight: fc.boolean(),
    biased: fc.boolean(),
    seed: fc.integer(),
  });
  const graphOf =
    (nFf: number, activation: Activation, oneWeight: boolean, biased: boolean) =>
    (ops: Ops, w: Record<string, Weight>) => {
      const x = rowsOf(ops, w.x);
      if (!oneWeight) {
        const gate = ops.linear(x, { weight: w.gate, bias: biased ? w.bias : undefined });
        return ops.glu(gate, ops.linear(x, { weight: w.up }), activation);
      }
      const both = ops.linear(x, { weight: w.both, bias: biased ? w.biases : undefined });
      return ops.glu(ops.columns(both, 0, nFf), ops.columns(both, nFf, nFf), activation);
    };
  const sourcesOf = (rows: number, nFf: number, type: GgmlTypeName, seed: number): Sources => ({
    x: input(rows, 96, seed),
    gate: matrix('gate', type, 96, nFf, seed + 1),
    up: matrix('up', type, 96, nFf, seed + 2),
    both: matrix('both', type, 96, 2 * nFf, seed + 3),
    bias: vector('bias', nFf, seed + 4),
    biases: vector('biases', 2 * nFf, seed + 5),
  });

  it.each<[string, WebGpuOptions, number]>([...floatTiles, ['int8', { precision: 'fast', strategy: 'int8' }, 5e-2]])(
    '%s',
    async (_, options, tolerance) => {
      const backend = await webgpu(options);
      await fc.assert(
        fc.asyncProperty(shapes, async ({ rows, nFf, activation, oneWeight, biased, seed }) => {
          // The error is relative to the largest output. Of few outputs, with factors of 8 bits, that may be small.
          fc.pre(tolerance < 1e-2 || rows * nFf >= 60);
          const graph = graphOf(nFf, activation, oneWeight, biased);
          await expectAsReference(backend, sourcesOf(rows, nFf, 'Q8_0', seed), countingBatch([rows]), graph, tolerance);
        }),
        { numRuns: 8 },
      );
      backend.dispose();
    },
  );

  it.each(styles)('%s: the bits of a row do not depend on the number of rows, nor on fusing', async (_, options) => {
    const backend = await webgpu(options);
    const [rows, nFf] = [21, 36];
    const sources = sourcesOf(rows, nFf, 'Q8_0', 7);
    const graph = graphOf(nFf, 'silu', true, true);
    const all = await evaluate(backend, sources, countingBatch([rows]), graph);
    for (const n of [1, 5, 8]) {
      expect(await evaluate(backend, sources, countingBatch([n]), graph)).toEqual(all.slice(0, n * nFf));
    }
    backend.observe(() => {});
    expect(await evaluate(backend, sources, countingBatch([rows]), graph)).toEqual(all);
    backend.dispose();
  });
});

describeGpu('products that norm their input', () => {
  /** A post-norm layer: the normed rows are the input of a product and a residual. */
  const graphOf =
    (kind: 'layer' | 'rms', gated: boolean, kept: boolean) =>
    (ops: Ops, w: Record<string, Weight>): Tensor => {
      const x = rowsOf(ops, w.x);
      const residual = kept ? ops.linear(x, { weight: w.square }) : undefined;
      const weights = { weight: w.norm, bias: kind === 'layer' ? w.bias : undefined };
      const normed = ops.norm(x, weights, { kind, eps: 1e-5, residual });
      const up = ops.linear(normed, { weight: w.up, bias: w.upBias });
      const n = up.cols / 2;
      const hidden = gated ? ops.glu(ops.columns(up, 0, n), ops.columns(up, n, n), 'silu') : ops.columns(up, 0, n);
      const out = ops.linear(hidden, { weight: w.down });
      return kept ? ops.add(out, normed) : out;
    };
  const sourcesOf = (rows: number, nIn: number, nFf: number, type: GgmlTypeName, seed: number): Sources => ({
    x: input(rows, nIn, seed),
    square: matrix('square', type, nIn, nIn, seed + 1),
    norm: vector('norm', nIn, seed + 2),
    bias: vector('bias', nIn, seed + 3),
    up: matrix('up', type, nIn, 2 * nFf, seed + 4),
    upBias: vector('upBias', 2 * nFf, seed + 5),
    down: matrix('down', 'F32', nFf, nIn, seed + 6),
  });

  it.each<[string, WebGpuOptions, number, number, Parameters<typeof graphOf>]>([
    ['gated, in rows of whole vectors', {}, 21, 72, ['layer', true, true]],
    ['few rows that are no multiple of four', {}, 3, 6, ['rms', false, false]],
    ['a tile of rows that are no multiple of four', {}, 9, 6, ['layer', false, true]],
    ['a tile of several rows', { tile: { bm: 8, bn: 16, tm: 2, tn: 4 } }, 9, 36, ['rms', false, true]],
    ['a tile of eight columns', { tile: { bm: 8, bn: 32, tm: 2, tn: 8 } }, 21, 36, ['layer', true, false]],
    ['a step ahead', { tile: { bm: 8, bn: 16, tm: 2, tn: 4, buffers: 2 } }, 9, 36, ['rms', true, true]],
  ])('give what the reference gives: %s', async (_, options, rows, nIn, form) => {
    const backend = await webgpu(options);
    const sources = sourcesOf(rows, nIn, 7, 'F32', 5);
    await expectAsReference(backend, sources, countingBatch([rows]), graphOf(...form));
    backend.dispose();
  });

  it.each<[string, WebGpuOptions]>([
    ['float32', {}],
    ['f16', { precision: 'fast', strategy: 'float' }],
    ['a tile that the norm does not fit', { tile: { bm: 8, bn: 8, tm: 2, tn: 4 } }],
  ])('%s: the bits of a row do not depend on where it is normed', async (_, options) => {
    const backend = await webgpu(options);
    const [most, nIn, nFf] = [300, 96, 20];
    const sources = sourcesOf(most, nIn, nFf, 'Q8_0', 11);
    const graph = graphOf('layer', true, true);
    // So many rows are normed in a launch of their own.
    const all = await evaluate(backend, sources, countingBatch([most]), graph);
    for (const n of [2, 21]) {
      expect(await evaluate(backend, sources, countingBatch([n]), graph)).toEqual(all.slice(0, n * nIn));
    }
    backend.dispose();
  });
});

describeGpu('rotations of queries and keys', () => {
  it.each([false, true])('become one launch, with norms of each head: %s', async (normed) => {
    const backend = await webgpu();
    const [nIn, headSize] = [32, 12];
    const sources: Sources = {
      x: input(9, nIn, 1),
      qkv: matrix('qkv', 'F32', nIn, 6 * headSize, 2),
      q: vector('q', headSize, 3),
      k: vector('k', headSize, 4),
    };
    for (const kind of ['norm', 'neox'] as const) {
      await expectAsReference(backend, sources, countingBatch([5, 4]), (ops, w) => {
        const qkv = ops.linear(rowsOf(ops, w.x), { weight: w.qkv });
        const part = (first: number, nHead: number, weight: Weight) => {
          const heads = ops.columns(qkv, first * headSize, nHead * headSize);
          const x = normed ? ops.norm(heads, { weight }, { kind: 'rms', eps: 1e-6, groups: nHead }) : heads;
          return ops.rope(x, { nHead, nRot: 8, kind, freqBase: 10000 });
        };
        const v = ops.columns(qkv, 5 * headSize, headSize);
        return ops.attention(part(0, 4, w.q), part(4, 1, w.k), v, { nHead: 4, nHeadKv: 1, scale: 0.2 });
      });
    }
    backend.dispose();
  });
});

describeGpu('products that rotate heads of their result', () => {
  const [nIn, nHead, nHeadKv, nRot] = [64, 4, 2, 16];
  const heads = nHead + 2 * nHeadKv;
  const sourcesOf = (rows: number, type: GgmlTypeName): Sources => ({
    x: input(rows, nIn, 1),
    qkv: matrix('qkv', type, nIn, heads * nRot, 2),
    bias: vector('bias', heads * nRot, 3),
    q: matrix('q', type, nIn, nHead * nRot, 4),
    k: matrix('k', type, nIn, nHeadKv * nRot, 5),
    v: matrix('v', type, nIn, nHeadKv * nRot, 6),
  });
  const graphOf =
    (oneWeight: boolean, kind: RotationKind = 'neox') =>
    (ops: Ops, w: Record<string, Weight>): Tensor => {
      const x = rowsOf(ops, w.x);
      const all = oneWeight ? ops.linear(x, { weight: w.qkv, bias: w.bias }) : undefined;
      const part = (name: string, first: number, n: number) =>
        all === undefined ? ops.linear(x, { weight: w[name] }) : ops.columns(all, first * nRot, n * nRot);
      const turned = (x: Tensor, n: number) => ops.rope(x, { nHead: n, nRot, kind, freqBase: 1000 });
      const [q, k] = [turned(part('q', 0, nHead), nHead), turned(part('k', nHead, nHeadKv), nHeadKv)];
      return ops.attention(q, k, part('v', nHead + nHeadKv, nHeadKv), { nHead, nHeadKv, scale: 0.2 });
    };
  /** So many that no product norms its input. */
  const many = 270;

  it.each<[string, WebGpuOptions, number]>([...floatTiles, ['f16', { precision: 'fast', strategy: 'float' }, 2e-2]])(
    'give what the reference gives: %s',
    async (_, options, tolerance) => {
      const backend = await webgpu(options);
      for (const oneWeight of [true, false]) {
        const [sources, batch] = [sourcesOf(many, 'Q8_0'), countingBatch([200, many - 200])];
        await expectAsReference(backend, sources, batch, graphOf(oneWeight), tolerance);
        await expectAsReference(backend, sources, batch, graphOf(oneWeight, 'norm'), tolerance);
      }
      backend.dispose();
    },
  );

  it.each(styles)('%s: the bits of a row do not depend on the number of rows, nor on fusing', async (_, options) => {
    const backend = await webgpu(options);
    const sources = sourcesOf(many, 'Q8_0');
    for (const [oneWeight, kind] of [
      [true, 'neox'],
      [false, 'neox'],
      [true, 'norm'],
    ] as const) {
      const graph = graphOf(oneWeight, kind);
      const lengths = [5, 30, many - 35];
      const all = await evaluate(backend, sources, countingBatch(lengths), graph);
      for (const n of [1, 2]) {
        const nRows = lengths.slice(0, n).reduce((sum, length) => sum + length, 0);
        const few = await evaluate(backend, sources, countingBatch(lengths.slice(0, n)), graph);
        expect(few).toEqual(all.slice(0, nRows * nHead * nRot));
      }
      backend.observe(() => {});
      expect(await evaluate(backend, sources, countingBatch(lengths), graph)).toEqual(all);
      backend.observe(undefined);
    }
    backend.dispose();
  });

  it('leave a rotation alone whose input is read as it was', async () => {
    const backend = await webgpu();
    await expectAsReference(backend, sourcesOf(many, 'F32'), countingBatch([many]), (ops, w) => {
      const all = ops.linear(rowsOf(ops, w.x), { weight: w.qkv });
      const q = ops.columns(all, 0, nHead * nRot);
      return ops.add(ops.rope(q, { nHead, nRot, kind: 'neox', freqBase: 1000 }), q);
    });
    backend.dispose();
  });
});

describeGpu('launches', () => {
  /** Those of one forward of a fixture over `nTokens` tokens with mean pooling. */
  async function launchesOf(name: string, nTokens: number): Promise<{ launches: number; nLayer: number }> {
    const adapter = await gpu!.requestAdapter();
    const device = await adapter!.requestDevice();
    const backend = await createWebGpuBackend({ device, autotune: false, tile: tiles[0] });
    const file = await openFixture(`models/${name}.gguf`);
    const loaded = { file, backend, model: await loadModel(file, backend) };
    let launches = 0;
    const makeEncoder = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const encoder = makeEncoder(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = (options) => {
        const pass = begin(options);
        const dispatch = pass.dispatchWorkgroups.bind(pass);
        pass.dispatchWorkgroups = (...groups) => {
          launches++;
          dispatch(...groups);
        };
        return pass;
      };
      return encoder;
    };
    await run(loaded, [Array.from({ length: nTokens }, (_, i) => (i % 50) + 3)], 'mean');
    backend.dispose();
    device.destroy();
    return { launches, nLayer: loaded.model.hparams.nLayer };
  }

  describe('a layer', () => {
    it.each([
      // Name, launches a layer for few rows and for many, those before and after the layers, with pooling, and for many rows the tables of
      // angles. The norms before and after the layers are launches of their own, except the one that the first layer's product includes.
      ['bert-mean', 5, 7, 5, 0],
      ['nomic-bert', 6, 7, 4, 1],
      ['modern-bert', 6, 7, 3, 2],
      ['llama', 6, 7, 3, 1],
      ['qwen3', 6, 8, 3, 0],
    ])('of %s takes %i, or %i for many rows', async (name, few, many, rest, tables) => {
      const { launches, nLayer } = await launchesOf(name, 12);
      expect(launches - rest).toBe(few * nLayer);
      // The norm that the first layer's product includes is then among the rest.
      expect((await launchesOf(name, 260)).launches - launches).toBe((many - few) * nLayer + tables);
    });
  });
});
