/**
 * @file Products on subgroup matrices. Their WGSL is compiled for every weight type and tile on Dawn's null adapter, which has
 * the feature and computes nothing. They are computed where the adapter has them: real GPUs, and llvmpipe from Mesa 26 on.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/gguf/ggml-types.ts';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { openDevice } from '../../../src/kernels/webgpu/device.ts';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { loaders } from '../../../src/kernels/webgpu/loaders/index.ts';
import { storesHalves } from '../../../src/kernels/webgpu/shaders/attention-access.wgsl.ts';
import { fitsMatrixAttention, matrixAttention } from '../../../src/kernels/webgpu/shaders/attention-matrix.wgsl.ts';
import type { Stored } from '../../../src/kernels/webgpu/shaders/halves.wgsl.ts';
import {
  matmulMatrix,
  matrixShared,
  pairedMatrixTile,
} from '../../../src/kernels/webgpu/shaders/matmul-matrix.wgsl.ts';
import type { Tile } from '../../../src/kernels/webgpu/shaders/matmul-tile.wgsl.ts';
import { type MatrixShape, matrixShape, matrixThreads } from '../../../src/kernels/webgpu/shaders/matrix-shape.ts';
import type { LinearForm } from '../../../src/kernels/webgpu/shaders/product-form.wgsl.ts';
import { matrixTiles } from '../../../src/kernels/webgpu/strategies.ts';
import { loadModel } from '../../../src/models/index.ts';
import type { Tensor } from '../../../src/tensor/ops.ts';
import { openFixture, run } from '../../models/support.ts';
import { normal } from '../../random.ts';
import { cosine } from '../../vectors.ts';
import { countingBatch, evaluate, type Graph, type Sources, source } from '../graphs.ts';
import { describeGpu, expectAsReference, gpu, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const adapter = await gpu?.requestAdapter();
const exposed = adapter?.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName) === true;
const types = [...loaders.keys()] as GgmlTypeName[];

/** Dawn's null adapter; the object must live as long as its device. */
async function nullGpu(): Promise<GPU> {
  const dawn = (await import('webgpu' as string)) as { create(options: string[]): GPU };
  return dawn.create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
}

describeGpu('subgroup matrices: what compiles', () => {
  let none: GPU;
  let device: GPUDevice;
  beforeAll(async () => {
    none = await nullGpu();
    const requiredFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
    device = await (await none.requestAdapter())!.requestDevice({ requiredFeatures });
  });
  afterAll(() => device.destroy());

  async function errorsOf({ code }: { code: string }): Promise<string[]> {
    device.pushErrorScope('validation');
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    await device.popErrorScope();
    return messages.map(({ message, lineNum }) => `${message}\n${code.split('\n')[lineNum - 1]}`);
  }

  const shapes: MatrixShape[] = [
    { m: 16, n: 16, k: 16, subgroup: 32 },
    { m: 8, n: 8, k: 8, subgroup: 8 },
    { m: 8, n: 16, k: 16, subgroup: 16 },
  ];
  const kernelOf = (
    type: GgmlTypeName,
    tile: Tile,
    { m, n, k, subgroup }: MatrixShape,
    wide: boolean,
    form: LinearForm = 'plain',
    from: 'f32' | 'f16' = 'f32',
    stored: Stored = 'f32',
  ) => {
    const { bm, bn, tm, tn, buffers = 1 } = tile;
    return matmulMatrix(type, bm, bn, tm, tn, m, n, k, subgroup, wide, form, buffers, from, stored);
  };

  it.each(types)('%s, with every shape, aligned and not', async (type) => {
    for (const shape of shapes) {
      for (const wide of [true, false]) {
        for (const tile of [matrixTiles[0], matrixTiles[7]]) {
          expect(await errorsOf(kernelOf(type, tile, shape, wide))).toEqual([]);
          expect(await errorsOf(kernelOf(type, tile, shape, wide, 'plain', 'f16', 'f16'))).toEqual([]);
        }
      }
    }
  });

  it.each(shapes)('every tile, of pairs and not: $m x $n x $k', async (shape) => {
    for (const tile of matrixTiles) {
      const paired = pairedMatrixTile(tile, shape);
      expect(matrixShared(paired, shape)).toBeLessThanOrEqual(Math.max(matrixShared(tile, shape), 16384));
      for (const type of ['F16', 'Q4_K'] as const) {
        expect(await errorsOf(kernelOf(type, tile, shape, true))).toEqual([]);
        for (const form of ['gated', 'rotated neox 64', 'rotated norm 64'] as const) {
          expect(await errorsOf(kernelOf(type, paired, shape, type === 'F16', form))).toEqual([]);
          expect(await errorsOf(kernelOf(type, paired, shape, type === 'F16', form, 'f32', 'f16'))).toEqual([]);
        }
      }
    }
  });

  it.each(shapes)('attention, with heads of every size: $m x $n x $k', async (shape) => {
    const { m, n, k, subgroup } = shape;
    const limits = {
      maxComputeWorkgroupStorageSize: 49152,
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
    } as GPUSupportedLimits;
    for (const [d, dv] of [
      [12, 12],
      [32, 32],
      [64, 64],
      [80, 80],
      [96, 64],
      [128, 128],
    ]) {
      expect(fitsMatrixAttention(d, dv, shape, limits)).toBe(true);
      for (const wide of [true, false]) {
        expect(await errorsOf(matrixAttention(d, dv, wide, m, n, k, subgroup, '', 'f32'))).toEqual([]);
        if (!storesHalves(d, dv)) continue;
        expect(await errorsOf(matrixAttention(d, dv, wide, m, n, k, subgroup, '', 'f16'))).toEqual([]);
        expect(await errorsOf(matrixAttention(d, dv, wide, m, n, k, subgroup, 'v', 'f32'))).toEqual([]);
        expect(await errorsOf(matrixAttention(d, dv, wide, m, n, k, subgroup, 'qkv', 'f16'))).toEqual([]);
      }
    }
  });

  it('finds what is wrong in such a kernel', async () => {
    const { code } = matmulMatrix('F16', 64, 64, 32, 32, 16, 16, 16, 32, true, 'plain', 1, 'f32', 'f32');
    expect(
      await errorsOf({
        code: code.replaceAll('subgroup_matrix_right<f16, 16, 16>', 'subgroup_matrix_right<f16, 8, 16>'),
      }),
    ).not.toEqual([]);
    expect(await errorsOf({ code: code.replace('p.nIn; k0', 't; k0') })).not.toEqual([]);
  });
});

describeGpu('subgroup matrices: what is chosen', () => {
  const config = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 };
  const features = new Set(['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix']);
  const shapeOf = (configs: unknown, names = features, sizes = [32, 32]) =>
    matrixShape(
      {
        subgroupMinSize: sizes[0],
        subgroupMaxSize: sizes[1],
        subgroupMatrixConfigs: configs,
      } as unknown as GPUAdapterInfo,
      names,
    );

  it('the largest shape of f16 with float32 sums that tiles are made of', () => {
    const nvidia = [
      { ...config, resultComponentType: 'f16' },
      { ...config, N: 8, K: 8 },
      config,
      { ...config, componentType: 'i8', resultComponentType: 'i32', K: 32 },
    ];
    expect(shapeOf(nvidia)).toEqual({ m: 16, n: 16, k: 16, subgroup: 32 });
    expect(shapeOf([{ ...config, M: 32, N: 32 }])).toBeUndefined();
    expect(shapeOf(nvidia, new Set(['shader-f16']))).toBeUndefined();
    expect(shapeOf(nvidia, features, [8, 32])).toBeUndefined();
    expect(shapeOf(undefined)).toBeUndefined();
  });

  it('subgroups fill whole workgroups', () => {
    for (const tile of matrixTiles) {
      expect(matrixThreads(tile, { m: 16, n: 16, k: 16, subgroup: 32 }) % 32).toBe(0);
      expect(matrixThreads(tile, { m: 16, n: 16, k: 16, subgroup: 32 })).toBeLessThanOrEqual(256);
    }
  });

  it('another strategy where the adapter has none', async () => {
    const sources = { x: input(9, 64, 1), w: [randomBlocks('w', 'F16', [64, 24], 2), 'matrix'] } as const;
    const backend = await webgpu({ precision: 'fast', adapter: await adapterWithout() });
    await expectAsReference(
      backend,
      sources,
      countingBatch([9]),
      (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w }),
      1e-3,
    );
    backend.dispose();
  });
});

/** The adapter as it looks where subgroup matrices are not exposed. */
async function adapterWithout(): Promise<GPUAdapter> {
  const real = (await gpu!.requestAdapter())!;
  const features = new Set([...real.features].filter((name) => !/subgroup/.test(name)));
  return new Proxy(real, {
    get: (target, key) => {
      if (key === 'features') return features;
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe.skipIf(!exposed)('subgroup matrices: what they compute', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await webgpu({ precision: 'fast', strategy: 'matrix' });
  });
  afterAll(() => backend.dispose());
  const graph: Parameters<typeof evaluate>[3] = (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w });

  /** Two buffers, in a tile that a software adapter compiles in seconds. */
  const twice: Tile = { ...matrixTiles[1], buffers: 2 };

  /** 21 rows are as in the reference, and have the bits of an observed forward, which has no fused steps. */
  async function expectUnfusedBits(tile: Tile, sources: Sources, graph: Graph): Promise<void> {
    const other = await webgpu({ precision: 'fast', strategy: 'matrix', tile });
    await expectAsReference(other, sources, countingBatch([21]), graph, 4e-3);
    const fused = await evaluate(other, sources, countingBatch([21]), graph);
    other.observe(() => {});
    expect(await evaluate(other, sources, countingBatch([21]), graph)).toEqual(fused);
    other.dispose();
  }

  it('is what this adapter gives', async () => {
    const device = await openDevice({ gpu });
    expect(matrixShape(device.adapterInfo, device.features)).toBeDefined();
    device.dispose();
  });

  it.each(types)('%s, few rows and many', async (type) => {
    for (const rows of [1, 37]) {
      const sources = { x: input(rows, 512, 5), w: [randomBlocks('w', type, [512, 70], 6), 'matrix'] } as const;
      await expectAsReference(backend, sources, countingBatch([rows]), graph, 2e-3);
    }
  });

  it('with every epilogue, of views and odd widths', async () => {
    for (const [rows, nIn, nOut, skip] of [
      [21, 45, 33, 3],
      [17, 64, 48, 4],
      [5, 160, 72, 0],
    ]) {
      const sources = {
        x: input(rows, nIn + skip, 1),
        w: [source('w', [nIn, nOut], normal(nIn * nOut, 2, 0.2)), 'matrix'],
        r: [source('r', [nOut, rows], normal(nOut * rows, 3)), 'table'],
        bias: [source('bias', [nOut], normal(nOut, 4)), 'vector'],
      } as const;
      await expectAsReference(
        backend,
        sources,
        countingBatch([rows]),
        (ops, w) =>
          ops.linear(
            ops.columns(rowsOf(ops, w.x), skip, nIn),
            { weight: w.w, bias: w.bias },
            { activation: 'gelu', residual: rowsOf(ops, w.r) },
          ),
        2e-3,
      );
    }
  });

  it('with the same bits for every tile and number of rows', async () => {
    const sources = { x: input(40, 160, 1), w: [randomBlocks('w', 'Q8_0', [160, 72], 2), 'matrix'] } as const;
    const wanted = await evaluate(backend, sources, countingBatch([40]), graph);
    expect(await evaluate(backend, sources, countingBatch([3]), graph)).toEqual(wanted.slice(0, 3 * 72));
    for (const tile of [matrixTiles[1], matrixTiles[3], twice]) {
      const other = await webgpu({ precision: 'fast', strategy: 'matrix', tile });
      expect(await evaluate(other, sources, countingBatch([40]), graph)).toEqual(wanted);
      other.dispose();
    }
  });

  it.each<[string, number, number, Tile]>([
    ['in whole vectors, with two buffers', 160, 36, twice],
    ['of odd widths', 64, 33, matrixTiles[0]],
  ])('gated, with the bits of two products and a gate after them: %s', async (_, nIn, nFf, tile) => {
    const sources = {
      x: input(21, nIn, 1),
      both: [randomBlocks('both', 'F16', [nIn, 2 * nFf], 2), 'matrix'],
      bias: [source('bias', [2 * nFf], normal(2 * nFf, 4)), 'vector'],
    } as const;
    const gated: typeof graph = (ops, w) => {
      const both = ops.linear(rowsOf(ops, w.x), { weight: w.both, bias: w.bias });
      return ops.glu(ops.columns(both, 0, nFf), ops.columns(both, nFf, nFf), 'silu');
    };
    await expectUnfusedBits(tile, sources, gated);
  });

  it.each<[string, Tile, 'neox' | 'norm']>([
    ['one buffer', matrixTiles[0], 'neox'],
    ['two buffers', twice, 'neox'],
    ['neighbours', matrixTiles[0], 'norm'],
  ])('with heads rotated, and the bits of a product and a rotation after it: %s', async (_, tile, kind) => {
    const [nIn, nHead, nRot] = [96, 3, 24];
    const sources = {
      x: input(21, nIn, 1),
      qkv: [randomBlocks('qkv', 'F16', [nIn, 3 * nHead * nRot], 2), 'matrix'],
      bias: [source('bias', [3 * nHead * nRot], normal(3 * nHead * nRot, 4)), 'vector'],
    } as const;
    const attended: typeof graph = (ops, w) => {
      const all = ops.linear(rowsOf(ops, w.x), { weight: w.qkv, bias: w.bias });
      const [q, k, v] = [0, 1, 2].map((i) => ops.columns(all, i * nHead * nRot, nHead * nRot));
      const turned = (x: Tensor) => ops.rope(x, { nHead, nRot, kind, freqBase: 1000 });
      return ops.attention(turned(q), turned(k), v, { nHead, nHeadKv: nHead, scale: 0.05 });
    };
    await expectUnfusedBits(tile, sources, attended);
  });

  it.each(['bert-mean', 'nomic-bert', 'qwen3'])('in a whole model: %s', async (name) => {
    const file = await openFixture(`models/${name}.gguf`);
    const reference = await createReferenceBackend();
    const sequences = [19, 3].map((n, s) => Array.from({ length: n }, (_, i) => (i * 37 + s * 11) % 200));
    const onGpu = { file, backend, model: await loadModel(file, backend) };
    const got = await run(onGpu, sequences);
    const want = await run({ file, backend: reference, model: await loadModel(file, reference) }, sequences);
    got.forEach((vector, i) => {
      expect(1 - cosine(vector, want[i])).toBeLessThan(1e-4);
    });
    expect(await run(onGpu, sequences.slice(-1))).toEqual(got.slice(-1));
    reference.dispose();
  });

  it('after a check on the device', async () => {
    const checked = await webgpu({ precision: 'fast', selfCheck: true });
    const sources = { x: input(12, 160, 1), w: [randomBlocks('w', 'Q8_0', [160, 72], 2), 'matrix'] } as const;
    const first = await evaluate(checked, sources, countingBatch([12]), graph);
    expect(first).toEqual(await evaluate(backend, sources, countingBatch([12]), graph));
    checked.dispose();
  });
});
