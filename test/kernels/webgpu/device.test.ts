/**
 * @file Limits, memory and failures of a device.
 */
import { expect, it } from 'vitest';
import { ggmlTypes } from '../../../src/gguf/ggml-types.ts';
import { openDevice } from '../../../src/kernels/webgpu/device.ts';
import { Executor } from '../../../src/kernels/webgpu/executor.ts';
import {
  createWebGpuBackend,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuShaderError,
  GpuUnavailableError,
} from '../../../src/kernels/webgpu/index.ts';
import { kernel } from '../../../src/kernels/webgpu/kernel.ts';
import { Pipelines } from '../../../src/kernels/webgpu/pipelines.ts';
import { isSoftware } from '../../../src/kernels/webgpu/probe.ts';
import { Run } from '../../../src/kernels/webgpu/run.ts';
import { Vectors } from '../../../src/kernels/webgpu/vectors.ts';
import type { WeightSource } from '../../../src/tensor/backend.ts';
import { normal } from '../../random.ts';
import { batchOf, countingBatch, evaluate, type Sources, source } from '../graphs.ts';
import { describeGpu, expectAsReference, gpu, input, randomBlocks, rowsOf, webgpu } from './support.ts';

describeGpu('limits', () => {
  it('splits weights that exceed one binding: tables, matrices, experts', async () => {
    const backend = await webgpu({ maxBindingSize: 24000 });
    const table = { table: [randomBlocks('table', 'Q8_0', [64, 1000], 1), 'table'] } as const;
    await expectAsReference(backend, table, batchOf([50, 7], 1000), (ops, w) => ops.embedding(w.table, 'ids'));
    expect(backend.memoryInUse).toBeGreaterThan(64 * 1000);
    const matrix: Sources = {
      x: input(9, 64, 2),
      w: [randomBlocks('w', 'Q8_0', [64, 500], 3), 'matrix'],
      bias: [source('bias', [500], normal(500, 4)), 'vector'],
    };
    for (const n of [2, 9]) {
      await expectAsReference(backend, matrix, countingBatch([n]), (ops, w) =>
        ops.linear(rowsOf(ops, w.x), { weight: w.w, bias: w.bias }, { activation: 'gelu' }),
      );
    }
    const experts: Sources = {
      x: input(9, 64, 5),
      router: [source('router', [64, 6], normal(384, 6)), 'matrix'],
      up: [randomBlocks('up', 'Q8_0', [64, 128, 6], 7), 'experts'],
      down: [randomBlocks('down', 'Q8_0', [128, 64, 6], 8), 'experts'],
    };
    await expectAsReference(backend, experts, countingBatch([9]), (ops, w) =>
      ops.moe(rowsOf(ops, w.x), { router: w.router, up: w.up, down: w.down, nUsed: 2, activation: 'relu' }),
    );
    backend.dispose();
  });

  it("a table of 250 000 rows of 1024 values fits bindings of 128 MiB, WebGPU's default", async () => {
    const adapter = await gpu!.requestAdapter();
    const device = await adapter!.requestDevice();
    expect(device.limits.maxStorageBufferBindingSize).toBe(128 * 1024 * 1024);
    const backend = await createWebGpuBackend({ device });
    const { blockBytes } = ggmlTypes.Q8_0;
    const rowBytes = (1024 / 32) * blockBytes;
    // Scale 1, and every value of a row is the row's number modulo 127.
    const table: WeightSource = {
      name: 'token_embd.weight',
      type: ggmlTypes.Q8_0,
      shape: [1024, 250_000],
      byteLength: 250_000 * rowBytes,
      async read(offset, into) {
        for (let at = 0; at < into.length; at += rowBytes) {
          into.fill(((offset + at) / rowBytes) % 127, at, at + rowBytes);
          for (let block = at; block < at + rowBytes; block += blockBytes) into.set([0x00, 0x3c], block);
        }
      },
    };
    const ids = Int32Array.of(0, 1, 124_999, 125_001, 131_071, 131_072, 249_999);
    const rows = await evaluate(backend, { table: [table, 'table'] }, { ...batchOf([7]), ids }, (ops, w) =>
      ops.embedding(w.table, 'ids'),
    );
    expect(backend.memoryInUse).toBeGreaterThan(table.byteLength);
    ids.forEach((id, t) => {
      expect(rows.subarray(t * 1024, (t + 1) * 1024).every((v) => v === id % 127)).toBe(true);
    });
    backend.dispose();
    device.destroy();
  });

  it('says how much memory a forward needs when the adapter cannot bind it', async () => {
    const backend = await webgpu({ maxBindingSize: 1 << 20 });
    const sources: Sources = { x: input(4, 512, 1) };
    const failing = evaluate(backend, sources, { ...batchOf([2000], 4) }, (ops, w) => rowsOf(ops, w.x));
    await expect(failing).rejects.toThrow(/2000 tokens needs 3\.9 MiB.*binds at most 1\.0 MiB.*nUbatch/);
    const after = await evaluate(backend, sources, batchOf([3], 4), (ops, w) => rowsOf(ops, w.x));
    expect(after.length).toBe(3 * 512);
    backend.dispose();
  });

  it('keeps to the memory budget, and names the weight that breaks it', async () => {
    const backend = await webgpu({ memoryBudget: 100_000 });
    const big = randomBlocks('blk.0.ffn_up.weight', 'Q8_0', [256, 512], 1);
    expect(() => backend.allocate(big, 'matrix')).toThrow(GpuOutOfMemoryError);
    expect(() => backend.allocate(big, 'matrix')).toThrow(/blk\.0\.ffn_up\.weight needs 0\.1 MiB.*budget of 0\.1 MiB/);
    backend.dispose();
  });

  it('computes shorter texts after one for which the budget is too small', async () => {
    const backend = await webgpu({ memoryBudget: 1_500_000 });
    const x = input(4, 64, 1)[0];
    const table = backend.allocate(x, 'table');
    await backend.fill(table, x);
    const forward = (length: number) => {
      const { ops } = backend;
      ops.begin({ ...batchOf([length], 4) });
      return ops.read(ops.rope(rowsOf(ops, table), { nHead: 2, nRot: 32, kind: 'neox', freqBase: 10000 }));
    };
    const first = await forward(20);
    for (const length of [3000, 20_000]) await expect(forward(length)).rejects.toThrow(GpuOutOfMemoryError);
    expect(await forward(20)).toEqual(first);
    expect(await forward(700)).toHaveLength(700 * 64);
    backend.dispose();
  });

  it('gives everything back, and a second load works', async () => {
    const adapter = await gpu!.requestAdapter();
    const device = await adapter!.requestDevice();
    const sources: Sources = { x: input(5, 32, 1) };
    for (let i = 0; i < 2; i++) {
      const backend = await createWebGpuBackend({ device });
      expect(backend.memoryInUse).toBe(0);
      await evaluate(backend, sources, countingBatch([5]), (ops, w) => rowsOf(ops, w.x));
      expect(backend.memoryInUse).toBeGreaterThan(5 * 32 * 4);
      backend.dispose();
      backend.dispose();
      expect(backend.memoryInUse).toBe(0);
      backend.ops.begin(countingBatch([5]));
    }
    device.destroy();
  });

  it('allocates nothing new for a second forward of the same size', async () => {
    const backend = await webgpu({ debug: false });
    const sources: Sources = { x: input(5, 32, 1), w: [source('w', [32, 32], normal(1024, 2)), 'matrix'] };
    const weights = { x: backend.allocate(sources.x[0], 'table'), w: backend.allocate(sources.w[0], 'matrix') };
    await backend.fill(weights.x, sources.x[0]);
    await backend.fill(weights.w, sources.w[0]);
    const forward = () => {
      backend.ops.begin(countingBatch([5]));
      return backend.ops.read(backend.ops.linear(rowsOf(backend.ops, weights.x), { weight: weights.w }));
    };
    const first = await forward();
    const held = backend.memoryInUse;
    expect(await forward()).toEqual(first);
    expect(backend.memoryInUse).toBe(held);
    backend.dispose();
  });
});

describeGpu('forwards one after the other', () => {
  it('are submitted before the values of the one before are read, and do not disturb it', async () => {
    const adapter = await gpu!.requestAdapter();
    const device = await adapter!.requestDevice();
    let nSubmits = 0;
    const submit = device.queue.submit.bind(device.queue);
    device.queue.submit = (buffers) => {
      nSubmits++;
      return submit(buffers);
    };
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = createBuffer(descriptor);
      const mapAsync = buffer.mapAsync.bind(buffer);
      buffer.mapAsync = async (...range) => {
        await released;
        return mapAsync(...range);
      };
      return buffer;
    };
    const backend = await createWebGpuBackend({ device });
    const x = input(4, 64, 1)[0];
    const table = backend.allocate(x, 'table');
    await backend.fill(table, x);
    const forward = (n: number) => {
      backend.ops.begin(batchOf([n], 4));
      return backend.ops.read(rowsOf(backend.ops, table));
    };
    const before = nSubmits;
    // The second one needs larger buffers than the first one has.
    const both = [forward(3), forward(500)];
    await expect.poll(() => nSubmits - before).toBe(2);
    release();
    const [first, second] = await Promise.all(both);
    expect(first).toEqual(await forward(3));
    expect(second).toEqual(await forward(500));
    backend.dispose();
    device.destroy();
  });

  it('have all their kernels compiled at the same time', async () => {
    const adapter = await gpu!.requestAdapter();
    const device = await adapter!.requestDevice();
    let nCompiling = 0;
    let most = 0;
    const compile = device.createComputePipelineAsync.bind(device);
    device.createComputePipelineAsync = async (descriptor) => {
      most = Math.max(most, ++nCompiling);
      try {
        return await compile(descriptor);
      } finally {
        nCompiling--;
      }
    };
    const backend = await createWebGpuBackend({ device });
    await evaluate(backend, { x: input(5, 32, 1) }, countingBatch([5]), (ops, w) => {
      return ops.softmax(ops.activate(rowsOf(ops, w.x), 'relu'));
    });
    expect(most).toBe(3);
    backend.dispose();
    device.destroy();
  });
});

describeGpu('failures', () => {
  it('names kernel, variant and line of a shader that does not compile', async () => {
    const device = await openDevice({ gpu });
    const code = '@compute @workgroup_size(1)\nfn main() {\n  let x: f32 = nothing;\n}';
    const broken = kernel({ name: 'broken 64x64', params: { rows: 'u32' }, code });
    const compiling = new Pipelines(device).compile(broken);
    await expect(compiling).rejects.toThrow(GpuShaderError);
    await expect(compiling).rejects.toThrow(/kernel broken 64x64 .*\n.*let x: f32 = nothing;/);
    device.dispose();
  });

  it('turns the loss of the device into one clear error', async () => {
    const adapter = await gpu!.requestAdapter();
    const device = await adapter!.requestDevice();
    const backend = await createWebGpuBackend({ device });
    const sources: Sources = { x: input(5, 32, 1) };
    await evaluate(backend, sources, countingBatch([5]), (ops, w) => rowsOf(ops, w.x));
    device.destroy();
    await device.lost;
    const failing = evaluate(backend, sources, countingBatch([5]), (ops, w) => rowsOf(ops, w.x));
    await expect(failing).rejects.toThrow(GpuDeviceLostError);
    backend.dispose();
  });

  it('names the operation that the device refuses', async () => {
    const device = await openDevice({ gpu });
    const pipelines = new Pipelines(device);
    const executor = new Executor(device, pipelines, new Vectors(device));
    executor.debug = true;
    const nothing = kernel({
      name: 'nothing',
      params: { y: 'tensor' },
      code: '@compute @workgroup_size(1)\nfn main() { arena[p.yOff] = f32(batch[0]) + vec[0]; }',
    });
    const run = new Run(countingBatch([1]), false);
    const y = run.record({
      label: 'linear ffn_out-3',
      reads: {},
      writes: run.tensor(1, 1),
      dispatches: () => [{ kernel: nothing, values: {}, grid: [1 << 17, 1, 1] }],
    });
    await expect(executor.read(run, y)).rejects.toThrow(/linear ffn_out-3 \(kernel nothing\).*65535/s);
    device.dispose();
  });

  it('says what is missing when there is no adapter', async () => {
    const none = { requestAdapter: async () => null } as unknown as GPU;
    await expect(createWebGpuBackend({ gpu: none })).rejects.toThrow(GpuUnavailableError);
    await expect(createWebGpuBackend({ gpu: none })).rejects.toThrow(/no adapter/);
  });

  it('tells software adapters from real ones', async () => {
    const info = { vendor: 'nvidia', architecture: 'hopper', device: 'H100', description: 'NVIDIA H100' };
    expect(isSoftware(info as GPUAdapterInfo)).toBe(false);
    expect(isSoftware({ ...info, description: 'llvmpipe (LLVM 15)' } as GPUAdapterInfo)).toBe(true);
    expect(isSoftware({ ...info, isFallbackAdapter: true } as GPUAdapterInfo)).toBe(true);
  });
});
