/**
 * @file The engine on the GPU: options, what is kept of the search for fast kernels, and life after the loss of a device.
 *
 * Devices are taken from the tests' adapter through `navigator.gpu`, so that a test can destroy the one in use.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { cacheFolder } from '../../src/engine/cache-folder.node.ts';
import { fileTuningCache } from '../../src/engine/gpu/tuning-cache.node.ts';
import {
  Embedder,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  InputError,
  type LoadOptions,
} from '../../src/engine/index.ts';
import type { ModelSource } from '../../src/engine/load/source.ts';
import { tuningKey, tuningVersion } from '../../src/kernels/webgpu/tuner.ts';
import { createApp } from '../../src/server/index.ts';
import { describeGpu, gpu } from '../kernels/webgpu/support.ts';
import { cosine } from '../vectors.ts';
import { fixture } from './support.ts';

/** Devices that were made, in order. */
const devices: GPUDevice[] = [];
/** Passes every adapter that is asked for to a test. */
let onAdapter: (adapter: GPUAdapter) => GPUAdapter | null = (adapter) => adapter;

async function requestAdapter(): Promise<GPUAdapter | null> {
  const adapter = (await gpu!.requestAdapter())!;
  const requestDevice = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = async (descriptor) => {
    const device = await requestDevice(descriptor);
    devices.push(device);
    return device;
  };
  return onAdapter(adapter);
}

beforeEach(() => {
  devices.length = 0;
  onAdapter = (adapter) => adapter;
  vi.stubGlobal('navigator', { gpu: { requestAdapter } });
});
afterEach(() => void vi.unstubAllGlobals());

const path = fixture('bert-mean');
const load = (options: LoadOptions = {}, source: ModelSource = path) =>
  Embedder.load(source, { backend: 'webgpu', worker: false, ...options, gpu: { tuningCache: false, ...options.gpu } });

/** Destroys the device as soon as it is given work. */
function loseAtNextSubmit(device: GPUDevice): void {
  const submit = device.queue.submit.bind(device.queue);
  device.queue.submit = (buffers) => {
    device.destroy();
    return submit(buffers);
  };
}

describeGpu('a lost device', () => {
  it('fails the batch under way, is made again once, and ends the model the second time', async () => {
    const warnings: string[] = [];
    const embedder = await load({ onWarning: (message) => warnings.push(message) });
    const { vectors: before } = await embedder.embed('a text');

    loseAtNextSubmit(devices[0]);
    await expect(embedder.embed('a text')).rejects.toThrow(GpuDeviceLostError);
    const { vectors: after } = await embedder.embed('a text');
    expect(after).toEqual(before);
    expect(devices).toHaveLength(2);
    expect(warnings[0]).toMatch(/^the GPU device was lost: .*; the next input uses a new device$/);
    expect(warnings[1]).toMatch(/^the GPU device was lost, and the model was loaded again on /);

    expect(embedder.failure).toBeUndefined();
    loseAtNextSubmit(devices[1]);
    for (let i = 0; i < 2; i++) {
      await expect(embedder.embed('a text')).rejects.toThrow(
        /lost a second time and is no longer used.*load the model again/,
      );
    }
    expect(devices).toHaveLength(2);
    expect(embedder.failure).toBeInstanceOf(GpuDeviceLostError);
    await embedder.dispose();
  });

  it('counts once for all batches that were under way on it', async () => {
    const warnings: string[] = [];
    const embedder = await load({ nUbatch: 4, onWarning: (message) => warnings.push(message) });
    const texts = ['a text', 'another text', 'one more text', 'a last text'];
    const { vectors: before } = await embedder.embed(texts);
    loseAtNextSubmit(devices[0]);
    const outcomes = await Promise.allSettled(texts.map((text) => embedder.embed(text)));
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(1);
    expect((await embedder.embed(texts)).vectors).toEqual(before);
    expect([devices.length, warnings.length]).toEqual([2, 2]);
    await embedder.dispose();
  });

  it('is not even noticed when it was lost between two inputs, and the signal of the load is aborted by then', async () => {
    const bytes = await readFile(path);
    const source = {
      name: 'mine',
      size: bytes.length,
      async read(offset: number, into: Uint8Array) {
        into.set(bytes.subarray(offset, offset + into.length));
      },
      async close() {},
    };
    const stop = new AbortController();
    const embedder = await load({ signal: stop.signal }, source);
    stop.abort();
    const { vectors: before } = await embedder.embed('a text');
    devices[0].destroy();
    await devices[0].lost;
    expect((await embedder.embed('a text')).vectors).toEqual(before);
    await embedder.dispose();
  });

  it('says so when the model cannot be loaded again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-'));
    const copy = join(folder, 'model.gguf');
    await writeFile(copy, await readFile(path));
    const replaced = await load({}, copy);
    await writeFile(copy, await readFile(fixture('jina-bert-v2')));
    const removed = await load({}, path);
    for (const device of devices) device.destroy();
    await Promise.all(devices.map(({ lost }) => lost));
    await expect(replaced.embed('a')).rejects.toThrow(
      /could not be loaded again: .*model\.gguf has changed since it was loaded/,
    );
    onAdapter = () => null;
    for (let i = 0; i < 2; i++) {
      await expect(removed.embed('a')).rejects.toThrow(/could not be loaded again: WebGPU found no adapter/);
    }
    await replaced.dispose();
    await removed.dispose();
    await rm(folder, { recursive: true });
  });

  it('is answered with 503 over HTTP, and the next request with vectors', async () => {
    const embedder = await load();
    const errors: unknown[] = [];
    const app = createApp(embedder, { onError: (error) => errors.push(error) });
    const request = () =>
      app.fetch(
        new Request('http://localhost/v1/embeddings', { method: 'POST', body: JSON.stringify({ input: 'a text' }) }),
      );
    const first = (await (await request()).json()) as { data: unknown };
    loseAtNextSubmit(devices[0]);
    const failed = await request();
    expect(failed.status).toBe(503);
    expect(await failed.json()).toMatchObject({
      error: { code: 503, type: 'unavailable_error', message: expect.stringContaining('the GPU device was lost') },
    });
    const next = await request();
    expect(next.status).toBe(200);
    expect(((await next.json()) as { data: unknown }).data).toEqual(first.data);
    await embedder.dispose();
  });
});

describeGpu('backend auto', () => {
  it('takes a real GPU, never a software one', async () => {
    const software = await load({ backend: 'auto' });
    expect(software.info.backend).toBe('wasm');
    await software.dispose();
    const info = { vendor: 'nvidia', architecture: 'hopper', device: 'H100', description: '' };
    onAdapter = (adapter) => Object.defineProperty(adapter, 'info', { value: info });
    const real = await load({ backend: 'auto' });
    expect(real.info).toMatchObject({ backend: 'webgpu', backendDescription: 'nvidia · hopper · H100' });
    await real.dispose();
  });
});

describeGpu('memory', () => {
  it('is limited by a budget, and all given back', async () => {
    const failing = load({ gpu: { memory: 4096 } });
    await expect(failing).rejects.toThrow(GpuOutOfMemoryError);
    await expect(failing).rejects.toThrow(/needs [\d.]+ MiB of GPU memory; .* of a budget of 0\.0 MiB are in use/);
    for (const options of [{}, { gpu: { memory: 2 ** 28, weights: 'f16' } }] as const) {
      const embedder = await load(options);
      await embedder.embed('a');
      await embedder.dispose();
    }
    await Promise.all(devices.map(({ lost }) => lost));
  });

  it('takes f16 weights, with nearly the same result', async () => {
    const quantised = fixture('quant/bert-q-Q8_0');
    const small = await load({}, quantised);
    const large = await load({ gpu: { weights: 'f16' } }, quantised);
    const [a, b] = await Promise.all([small.embed('a text'), large.embed('a text')]);
    expect(cosine(a.vectors[0], b.vectors[0])).toBeGreaterThan(0.99999);
    await small.dispose();
    await large.dispose();
  });

  it('refuses impossible options', async () => {
    await expect(load({ gpu: { memory: 0 } })).rejects.toThrow(InputError);
    await expect(load({ gpu: { weights: 'f8' as 'f16' } })).rejects.toThrow(
      /gpu\.weights must be one of auto, quantised, f16, not "f8"/,
    );
  });
});

describeGpu('the cache of the search for fast kernels', () => {
  /** The key under which the tests' adapter is kept. */
  const keyOf = async () => tuningKey((await gpu!.requestAdapter())!.info);
  const kept = JSON.stringify({ version: tuningVersion, tiles: { 'F32 1x1x1': 1 } });

  it('is asked for the adapter in use, unless the search is off', async () => {
    const read = vi.fn(async () => kept);
    const write = vi.fn(async () => {});
    for (const autotune of [true, false]) {
      const embedder = await load({ gpu: { autotune, tuningCache: { read, write } } });
      await embedder.embed('a');
      await embedder.dispose();
    }
    expect(read.mock.calls).toEqual([[await keyOf()]]);
    expect(write).not.toHaveBeenCalled();
  });

  it('is written after a search, and spares the next one', async () => {
    // Nothing is searched for on a software adapter, so this one goes by another name.
    const info = { vendor: 'nvidia', architecture: 'hopper', device: 'H100', description: '' };
    onAdapter = (adapter) => Object.defineProperty(adapter, 'info', { value: info });
    const files = new Map<string, string>();
    const write = vi.fn(async (key: string, text: string) => void files.set(key, text));
    const tuningCache = { read: async (key: string) => files.get(key), write };
    for (let i = 0; i < 2; i++) {
      const embedder = await load({ gpu: { tuningCache } });
      await embedder.embed('a');
      await embedder.embed('a');
      await embedder.dispose();
    }
    expect([...files.keys()]).toEqual([`webgpu-v${tuningVersion}-nvidia-hopper-h100`]);
    expect(write).toHaveBeenCalledTimes(1);
    const { version, tiles } = JSON.parse([...files.values()][0]);
    expect(version).toBe(tuningVersion);
    expect(Object.keys(tiles).length).toBeGreaterThan(1);
  });

  it.each(['{"version":', '[]', 'null', '{"version":1,"tiles":{"a":"b"}}'])(
    'ignores %s with a warning',
    async (text) => {
      const warnings: string[] = [];
      const tuningCache = { read: async () => text, write: async () => {} };
      const embedder = await load({ gpu: { tuningCache }, onWarning: (message) => warnings.push(message) });
      expect(warnings).toEqual([expect.stringContaining(`are not used (${await keyOf()})`)]);
      await embedder.dispose();
    },
  );
});

it('a tuning file is written whole, into a folder of the user', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  vi.stubEnv('LOCALAPPDATA', folder);
  const cache = fileTuningCache(cacheFolder()!);
  expect(await cache.read('adapter')).toBeUndefined();
  await Promise.all([cache.write('adapter', 'one'), cache.write('adapter', 'two')]);
  expect(['one', 'two']).toContain(await cache.read('adapter'));
  expect(await readdir(join(folder, 'gguf-embed'))).toEqual(['adapter.json']);
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

it('a key of the cache is a name for a file', () => {
  const info = { vendor: 'nvidia', architecture: '', device: '../H100', description: 'NVIDIA: 535.1 / "x"' };
  expect(tuningKey(info as GPUAdapterInfo)).toBe(`webgpu-v${tuningVersion}-nvidia-..-h100-nvidia-535.1-x-`);
});
