/**
 * @file The size of batches where the caller gives none: the bounds of an adapter, the cost of a token, and what is told of it.
 */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Queue, type Waiting } from '../../src/engine/batching/queue.ts';
import { batchTokens, defaultBatchTokens, tokenCost } from '../../src/engine/gpu/batch-size.ts';
import { Embedder } from '../../src/engine/index.ts';
import type { GgufFile } from '../../src/gguf/index.ts';
import { batchBounds } from '../../src/kernels/webgpu/batch-bounds.ts';
import { loadModel, outlineModel } from '../../src/models/index.ts';
import { createApp } from '../../src/server/index.ts';
import type { Observer } from '../../src/tensor/ops.ts';
import { describeGpu, gpu, webgpu } from '../kernels/webgpu/support.ts';
import { openFixture, run } from '../models/support.ts';
import { fixture } from './support.ts';

const gib = 2 ** 30;
const info = (vendor: string, architecture = '', device = '', description = '') => {
  return { vendor, architecture, device, description, isFallbackAdapter: false };
};
/** What a token of a model of these widths costs. */
function costOf(nLayer: number, nEmbd: number, nFf: number) {
  const layer = 4 * nEmbd * nEmbd + 2 * nEmbd * nFf;
  const file = { tensors: new Map([['blk', { name: 'blk.0', shape: [layer * nLayer] }]]) } as unknown as GgufFile;
  const hparams = { nEmbd, nFf: [nFf], nHead: [12], nHeadKv: [12], nEmbdHeadK: nEmbd / 12, nEmbdHeadV: nEmbd / 12 };
  const outline = { hparams: { ...hparams, nExpertUsed: 0, nVocab: 30522 }, sparse: undefined };
  return tokenCost(file, outline as unknown as Parameters<typeof tokenCost>[1]);
}
const [miniLm, bertBase, xlmLarge] = [costOf(6, 384, 1536), costOf(12, 768, 3072), costOf(24, 1024, 4096)];

describe('the size of a batch', () => {
  it.each([
    ['a large card', info('nvidia', 'hopper'), 4 * gib, undefined, [8192, 8192, 2048]],
    ['an Intel card', info('intel', 'xe-2hpg'), 4 * gib, undefined, [8192, 8192, 2048]],
    ['a large card with bindings of 128 MiB', info('amd', 'rdna-3'), gib / 8, undefined, [1024, 512, 512]],
    ['a large card with a budget of 1 GiB', info('apple', 'metal-3'), 4 * gib, gib, [8192, 4096, 2048]],
    ['an Intel chip', info('intel', 'gen-12lp'), gib, undefined, [2048, 1024, 512]],
    ['an unknown adapter', info(''), 4 * gib, undefined, [2048, 1024, 512]],
    ['a software adapter', info('mesa', 'software', 'llvmpipe'), 4 * gib, undefined, [512, 512, 512]],
  ])('on %s', (_, adapter, binding, budget, expected) => {
    const bounds = batchBounds(adapter, binding, budget);
    expect([miniLm, bertBase, xlmLarge].map((cost) => batchTokens(bounds, cost))).toEqual(expected);
  });

  it('is a power of two from 512 to 8192 and grows with every bound', () => {
    const bound = fc.record({
      maxTokens: fc.constantFrom(512, 2048, 8192),
      maxBytes: fc.integer({ min: 0, max: 2 ** 32 }),
      maxOperations: fc.integer({ min: 0, max: 1e13 }),
    });
    fc.assert(
      fc.property(bound, fc.constantFrom('maxTokens', 'maxBytes', 'maxOperations'), (bounds, raised) => {
        const tokens = batchTokens(bounds, bertBase);
        expect([512, 1024, 2048, 4096, 8192]).toContain(tokens);
        expect(batchTokens({ ...bounds, [raised]: bounds[raised] * 4 }, bertBase)).toBeGreaterThanOrEqual(tokens);
        if (tokens > 512) expect(tokens * bertBase.bytes).toBeLessThanOrEqual(bounds.maxBytes);
      }),
    );
  });

  it('is 512 where no backend bounds it', async () => {
    const file = await openFixture('models/bert-mean.gguf');
    expect(defaultBatchTokens(undefined, file, outlineModel(file))).toBe(512);
  });
});

describeGpu('the cost of a token', () => {
  it.each([
    'bert-mean',
    'nomic-bert',
    'modern-bert',
    'qwen3',
    'gemma-embedding',
    'nomic-bert-moe',
    'deberta-mean',
    't5encoder',
  ])('is at least what a forward of %s takes', async (name) => {
    const file = await openFixture(`models/${name}.gguf`);
    const sizes: number[] = [];
    const device = await (await gpu!.requestAdapter())!.requestDevice();
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      if (descriptor.label?.includes('intermediates')) sizes.push(descriptor.size);
      return createBuffer(descriptor);
    };
    const backend = await webgpu({ device, debug: false });
    const nTokens = 96;
    const model = await loadModel(file, backend);
    await run({ file, backend, model }, [Array.from({ length: nTokens }, (_, i) => (i % 40) + 3)], 'mean');
    expect(sizes.length).toBeGreaterThan(0);
    expect(Math.max(...sizes) / nTokens).toBeLessThanOrEqual(tokenCost(file, outlineModel(file)).bytes * 1.1);
    backend.dispose();
    device.destroy();
  });
});

describeGpu('an embedder on the GPU', () => {
  const large = { vendor: 'nvidia', architecture: 'hopper', device: 'H100', description: '' };
  const adapterAs = async (other?: object) => {
    const adapter = (await gpu!.requestAdapter())!;
    return other === undefined ? adapter : Object.defineProperty(adapter, 'info', { value: other });
  };
  const load = (options = {}) =>
    Embedder.load(fixture('bert-mean'), { backend: 'webgpu', worker: false, gpu: { autotune: false }, ...options });

  it('takes the size from the adapter, and says so in /props', async () => {
    vi.stubGlobal('navigator', { gpu: { requestAdapter: () => adapterAs(large) } });
    const [own, given] = [await load(), await load({ nUbatch: 100 })];
    expect([own.info.nUbatch, given.info.nUbatch]).toEqual([8192, 100]);
    const props = await (await createApp(own).fetch(new Request('http://localhost/props'))).json();
    expect(props).toMatchObject({ n_ubatch: 8192 });
    await Promise.all([own.dispose(), given.dispose()]);
    vi.unstubAllGlobals();
  });
});

it('an observed batch has few tokens, whatever the size of others', () => {
  const job = (observer?: Observer) =>
    ({ inputs: new Array(40).fill(new Array(100).fill(3)), pooling: 'mean', observer, next: 0 }) as unknown as Waiting;
  const tokensOf = (observer?: Observer) => {
    const queue = new Queue(2048, (input) => (input as unknown as number[]).length);
    queue.add(job(observer));
    return queue.take(false).length * 100;
  };
  expect([tokensOf(), tokensOf(() => {})]).toEqual([2000, 500]);
});
