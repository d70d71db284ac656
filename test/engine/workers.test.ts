/**
 * @file Computing in workers. Imports the built package by its own name, because Node 20 starts no workers from TypeScript.
 */
import type { Worker } from 'node:worker_threads';
import { Embedder, GgufError, ModelError, type Progress } from 'gguf-embed';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bundled, fixture } from './support.ts';

const started: Worker[] = [];
const onWorker = (worker: Worker) => void started.push(worker);
process.on('worker', onWorker);
afterEach(() => void started.splice(0));

/** Threads that are still running. */
const running = () => started.filter(({ threadId }) => threadId !== -1).length;

describe('one worker', () => {
  it('gives the bits of the calling thread, for every kind of source', async () => {
    const path = fixture('bert-mean');
    const here = await Embedder.load(path, { backend: 'reference', worker: false });
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(path);
    for (const source of [path, bytes, new Blob([bytes])]) {
      const there = await Embedder.load(source, { backend: 'reference', worker: true });
      const texts = ['one', 'two words', 'x '.repeat(300)];
      const [a, b] = await Promise.all([here.embed(texts), there.embed(texts)]);
      expect(b.vectors).toEqual(a.vectors);
      await there.dispose();
    }
    expect(started).toHaveLength(3);
    expect(running()).toBe(0);
    await here.dispose();
  });

  it('lets the calling thread go on while it computes', async () => {
    const embedder = await Embedder.load(bundled, { backend: 'reference' });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await embedder.embed('a b c d e f g h i j k l m n o p');
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
    await embedder.dispose();
  });

  it('reports the progress of loading, and can be aborted while loading', async () => {
    const seen: Progress[] = [];
    const embedder = await Embedder.load(fixture('bert-mean'), {
      backend: 'reference',
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.at(-1)).toEqual({ stage: 'load', done: embedder.info.size, total: embedder.info.size });
    await embedder.dispose();

    const controller = new AbortController();
    const loading = Embedder.load(bundled, {
      backend: 'reference',
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('changed my mind')),
    });
    await expect(loading).rejects.toThrow('changed my mind');
    expect(running()).toBe(0);
  });

  it('passes on what is wrong with a file as the class it is', async () => {
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(fixture('bert-mean'));
    const renamed = Buffer.from(bytes);
    renamed.write('x', renamed.indexOf('blk.0.ffn_up.weight'));
    const missing = await Embedder.load(renamed, { backend: 'reference' }).catch((error) => error);
    expect(missing).toBeInstanceOf(ModelError);
    expect(missing.message).toMatch(/blk\.0\.ffn_up\.weight/);

    let readable = true;
    const failing = {
      name: 'failing',
      size: bytes.length,
      async read(offset: number, into: Uint8Array) {
        if (!readable) throw new GgufError('the disk is gone', { source: 'failing', offset });
        into.set(bytes.subarray(offset, offset + into.length));
      },
      async close() {},
    };
    const loading = Embedder.load(failing, {
      backend: 'reference',
      onProgress: () => {
        readable = false;
      },
    });
    const gone = await loading.catch((error) => error);
    expect(gone).toBeInstanceOf(GgufError);
    expect(gone.message).toContain('the disk is gone');
    expect(running()).toBe(0);
  });

  it('ends when something is found wrong after it has loaded', async () => {
    await expect(Embedder.load(fixture('bert-mean'), { backend: 'reference', nCtx: 0 })).rejects.toThrow('nCtx');
    await vi.waitFor(() => expect(running()).toBe(0));
  });

  it('rejects what is under way and all that follows when it dies', async () => {
    const embedder = await Embedder.load(bundled, { backend: 'reference' });
    expect(embedder.failure).toBeUndefined();
    const work = [embedder.embed('x '.repeat(400)), embedder.embed('y')];
    const failures = Promise.allSettled(work);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await started[0].terminate();
    for (const failure of await failures) {
      expect(failure.status).toBe('rejected');
      expect(String((failure as PromiseRejectedResult).reason)).toContain('compute worker ended unexpectedly');
    }
    await expect(embedder.embed('z')).rejects.toThrow('load the model again');
    expect(embedder.failure?.message).toContain('load the model again');
    await embedder.dispose();
  });

  it('ends with dispose, even in the middle of a batch, and does not hold the process before', async () => {
    const embedder = await Embedder.load(bundled, { backend: 'reference' });
    const work = embedder.embed('some text to work on');
    const rejected = expect(work).rejects.toThrow('disposed');
    await embedder.dispose();
    await rejected;
    expect(running()).toBe(0);
    await expect(embedder.embed('a')).rejects.toThrow('disposed');
  });
});

it('starts no team for a load that was aborted meanwhile', async () => {
  for (const delay of [0, 1, 2, 4, 8, 16, 32]) {
    const controller = new AbortController();
    const loading = Embedder.load(bundled, { backend: 'wasm', threads: 2, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('changed my mind')), delay);
    await expect(loading).rejects.toThrow('changed my mind');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(running(), `aborted after ${delay} ms`).toBe(0);
  }
});
