/**
 * @file The ways of computing a product: every tile and the kernel for few rows give the same bits; f16 operands are near.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Device } from '../../../src/kernels/webgpu/device.ts';
import { experimentsOn } from '../../../src/kernels/webgpu/experiments.ts';
import { createWebGpuBackend, type WebGpuBackend, type WebGpuOptions } from '../../../src/kernels/webgpu/index.ts';
import { loaders } from '../../../src/kernels/webgpu/loaders/index.ts';
import { Pipelines } from '../../../src/kernels/webgpu/pipelines.ts';
import { matrixTiles, tiles } from '../../../src/kernels/webgpu/strategies.ts';
import { type Experiments, Tuner, type TunerOptions } from '../../../src/kernels/webgpu/tuner.ts';
import { Vectors } from '../../../src/kernels/webgpu/vectors.ts';
import { type GpuWeight, Weights } from '../../../src/kernels/webgpu/weights.ts';
import { countingBatch, evaluate, type Graph } from '../graphs.ts';
import { describeGpu, expectAsReference, gpu, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const [nIn, nOut, rows] = [160, 72, 21];
const sources = {
  x: input(rows, nIn, 1),
  w: [randomBlocks('w', 'Q8_0', [nIn, nOut], 2), 'matrix'],
} as const;

function product(backend: WebGpuBackend, n: number): Promise<Float32Array> {
  return evaluate(backend, sources, countingBatch([n]), (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w }));
}

describeGpu('matmul strategies', () => {
  let device: GPUDevice;
  beforeAll(async () => {
    const adapter = await gpu!.requestAdapter();
    const requiredFeatures = ['shader-f16' as const].filter((feature) => adapter!.features.has(feature));
    const { maxComputeWorkgroupStorageSize } = adapter!.limits;
    device = await adapter!.requestDevice({ requiredFeatures, requiredLimits: { maxComputeWorkgroupStorageSize } });
  });
  afterAll(() => device.destroy());

  // Small tiles with one and with several rows and groups of outputs a thread: large ones take software Vulkan minutes to
  // compile. `bench/gpu` compares all of them on the device that it measures.
  // Of the tiles with a step ahead, two of the broad one do not fit into 32 KiB of shared memory, and two of the small one do.
  const [broad, small] = [{ bm: 8, bn: 128, tm: 2, tn: 8, buffers: 2 } as const, { ...tiles[0], buffers: 2 } as const];
  const shapes = { high: [tiles[0], { bm: 8, bn: 32, tm: 2, tn: 8 }, broad, small], fast: [tiles[0], small] };
  it.each(['high', 'fast'] as const)(
    '%s: every tile gives the bits that the kernel for few rows gives',
    async (precision) => {
      const few = await createWebGpuBackend({ device, precision, strategy: 'float' });
      const wanted = await product(few, 8);
      expect(await product(few, 1)).toEqual(wanted.slice(0, nOut));
      few.dispose();
      for (const tile of shapes[precision]) {
        const backend = await createWebGpuBackend({ device, precision, tile, strategy: 'float' });
        expect((await product(backend, rows)).slice(0, 8 * nOut)).toEqual(wanted);
        backend.dispose();
      }
    },
  );

  it('f16 operands stay within 1e-3 of the largest value, and are really rounded', async () => {
    const backend = await createWebGpuBackend({ device, precision: 'fast', strategy: 'float' });
    const exact = await createWebGpuBackend({ device });
    await expectAsReference(
      backend,
      sources,
      countingBatch([rows]),
      (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w }),
      1e-3,
    );
    expect(await product(backend, rows)).not.toEqual(await product(exact, rows));
    backend.dispose();
    exact.dispose();
  });

  it('expands quantised weights to f16 when asked to', async () => {
    const backend = await webgpu({ gpuWeights: 'f16' });
    const before = backend.memoryInUse;
    await expectAsReference(
      backend,
      sources,
      countingBatch([rows]),
      (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w }),
      1e-3,
    );
    expect(backend.memoryInUse - before).toBeGreaterThan(nIn * nOut * 2);
    backend.dispose();
  });

  it.each<[string, WebGpuOptions, number]>([
    ['float32', {}, 2e-5],
    ['f16', { precision: 'fast', strategy: 'float' }, 1e-3],
  ])('%s: checks on the device that the kernels agree, before it uses them', async (_, options, tolerance) => {
    const backend = await webgpu({ selfCheck: true, ...options });
    const graph: Graph = (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w });
    await expectAsReference(backend, sources, countingBatch([3]), graph, tolerance);
    backend.dispose();
  });

  it('finds that norms in f16 and in the product agree', async () => {
    const { own, weight, experiments } = await laboratory({ halves: true, strategy: 'float' });
    expect(await experiments.normsAgree(weight)).toBe(true);
    own.dispose();
  });

  /** Experiments with one filled weight, on a device that the tuner does not look at. */
  async function laboratory(options: Partial<TunerOptions>) {
    const own = new Device(device, device.adapterInfo);
    const [pipelines, vectors] = [new Pipelines(own), new Vectors(own)];
    const weights = new Weights(own, pipelines, vectors, () => false);
    const weight = weights.allocate(sources.w[0], 'matrix');
    await weights.fill(weight, sources.w[0]);
    const tuner = new Tuner({ limits: own.limits, software: true, halves: false, search: true, ...options });
    return { own, weight, experiments: experimentsOn(own, pipelines, vectors, tuner) };
  }

  it('measures tiles on the device', async () => {
    const { own, weight, experiments } = await laboratory({});
    const held = own.held;
    const times = await experiments.measure(weight, 40, tiles.slice(0, 2));
    expect(times.length).toBe(2);
    for (const time of times) expect(time).toBeGreaterThan(0);
    expect(own.held - held).toBeLessThan(16384);
    own.dispose();
  });

  it('does without subgroup matrices where the device does not compile them', async () => {
    const matrix = { m: 16, n: 16, k: 16, subgroup: 8 };
    const { own, weight, experiments } = await laboratory({ matrix });
    expect(await experiments.matricesWork(weight)).toBe(false);
    own.dispose();
  });
});

describeGpu('tuner', () => {
  const limits = {
    maxComputeWorkgroupStorageSize: 32768,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
  };
  const weight = { loader: loaders.get('Q8_0'), rowLength: 384, shape: [384, 1536] } as unknown as GpuWeight;
  const options = { limits: limits as GPUSupportedLimits, software: false, halves: false, search: true };
  /** Says that the last candidate is the fastest. */
  const fake = (same: boolean) => {
    const seen: number[] = [];
    const experiments: Experiments = {
      async measure(_, rows, candidates) {
        seen.push(rows);
        return candidates.map((_, i) => candidates.length - i);
      },
      sameBits: async () => same,
      normsAgree: async () => same,
      attentionWorks: async () => same,
      matricesWork: async () => same,
    };
    return { seen, experiments };
  };

  it('searches once for each class, and its result can be kept', async () => {
    const tuner = new Tuner(options);
    const { seen, experiments } = fake(true);
    tuner.use(experiments);
    await tuner.prepare(weight, 500);
    expect(tuner.prepare(weight, 512)).toBeUndefined();
    await tuner.prepare(weight, 30);
    expect(seen).toEqual([500, 30]);
    expect(tuner.tile(weight, 400)).toBe(tiles.at(-1));
    const again = new Tuner({ ...options, known: JSON.parse(JSON.stringify(tuner.tuning)) });
    expect(again.tile(weight, 512)).toBe(tiles.at(-1));
    expect(new Tuner({ ...options, known: { version: -1, tiles: tuner.tuning.tiles } }).tuning.tiles).toEqual({});
  });

  it('gives up the kernel for few rows, and tiles by rows, where the compiler reorders sums', async () => {
    const tuner = new Tuner(options);
    tuner.use(fake(false).experiments);
    await tuner.prepare(weight, 500);
    expect(tuner.mayBeSkinny(weight)).toBe(false);
    expect(tuner.tile(weight, 1)).toBe(tuner.tile(weight, 5000));
    expect(tuner.mayNorm(weight, 30, false)).toBe(false);
  });

  it('norms the input of a product where the bits agree and the tile leaves room', async () => {
    const tuner = new Tuner(options);
    const { experiments } = fake(true);
    tuner.use(experiments);
    await tuner.prepare(weight, 500);
    expect([tuner.mayNorm(weight, 4, true), tuner.mayNorm(weight, 30, false)]).toEqual([true, true]);
    const small = { ...limits, maxComputeWorkgroupStorageSize: 16384 } as GPUSupportedLimits;
    const tight = new Tuner({ ...options, limits: small, forced: { bm: 64, bn: 64, tm: 4, tn: 4 } });
    expect([tight.mayNorm(weight, 4, true), tight.mayNorm(weight, 60, false)]).toEqual([true, false]);
    expect(new Tuner({ ...options, int8: true }).mayNorm(weight, 4, false)).toBe(false);
  });

  const matrix = { m: 16, n: 16, k: 16, subgroup: 32 };
  it('uses subgroup matrices for every number of rows, once the device has shown that they are right', async () => {
    const tuner = new Tuner({ ...options, halves: true, int8: true, matrix });
    expect(tuner.strategy(weight)).toBe('float');
    const { seen, experiments } = fake(true);
    tuner.use(experiments);
    await tuner.prepare(weight, 500);
    expect(tuner.strategy(weight)).toBe('matrix');
    expect(tuner.mayBeSkinny(weight)).toBe(false);
    // The last tile that fits into 32 KiB, which has two buffers.
    expect(tuner.tile(weight, 400)).toBe(matrixTiles[7]);
    expect(tuner.tile(weight, 1).bm).toBe(16);
    expect(seen).toEqual([500]);
  });

  it('stays with float where they are wrong, and with int8 where there are none', async () => {
    const wrong = new Tuner({ ...options, halves: true, int8: true, matrix });
    const { experiments } = fake(true);
    wrong.use({ ...experiments, matricesWork: async () => false });
    await wrong.prepare(weight, 500);
    expect(wrong.strategy(weight)).toBe('float');
    const plain = { ...weight, loader: { type: 'F16' } } as unknown as GpuWeight;
    const int8 = new Tuner({ ...options, halves: true, int8: true });
    expect([int8.strategy(weight), int8.strategy(plain)]).toEqual(['int8', 'float']);
    expect(new Tuner({ ...options, int8: true, strategy: 'float' }).strategy(weight)).toBe('float');
    expect(new Tuner(options).strategy(weight)).toBe('float');
  });

  it('respects the limits of the device', () => {
    const small = { ...limits, maxComputeWorkgroupStorageSize: 16384, maxComputeInvocationsPerWorkgroup: 128 };
    const tuner = new Tuner({ ...options, limits: small as GPUSupportedLimits });
    const { bm, bn, tm, tn } = tuner.tile(weight, 5000);
    expect((bm / tm) * (bn / tn)).toBeLessThanOrEqual(128);
    expect((bm + bn) * 128).toBeLessThanOrEqual(16384);
  });
});
