/**
 * @file Workers that start after the first batch, which the calling thread computes. Imports the built package by its own name, because Node 20
 * starts no workers from TypeScript.
 */
import threads, { type Worker } from 'node:worker_threads';
import { Embedder } from 'gguf-embed';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bundled, fixture } from './support.ts';

const started: Worker[] = [];
let onWorker: (worker: Worker) => void = () => {};
process.on('worker', (worker) => {
  started.push(worker);
  onWorker(worker);
});
afterEach(() => {
  started.splice(0);
  onWorker = () => {};
});

/** Threads that are still running. */
const running = () => started.filter(({ threadId }) => threadId !== -1).length;
const texts = ['a text', 'x '.repeat(400), 'another one, of a few more words', ''];

describe.each([1, 3])('with threads: %i', (nThreads) => {
  const options = { backend: 'wasm', threads: nThreads } as const;

  it.each([bundled, fixture('qwen3')])(
    'the first batch starts the workers, which give the same bits: %s',
    async (path) => {
      const here = await Embedder.load(path, { backend: 'wasm', worker: false });
      const expected = await here.embed(texts);
      const embedder = await Embedder.load(path, options);
      expect(embedder.info.threads).toBe(nThreads);
      expect(started).toHaveLength(0);
      expect((await embedder.embed(texts[0])).vectors[0]).toEqual(expected.vectors[0]);
      expect(started).toHaveLength(0);
      await vi.waitFor(() => expect(started).toHaveLength(nThreads));
      // Some of these come before the workers have loaded, some later.
      for (let i = 0; i < 200; i++) {
        expect((await embedder.embed(texts[i % 2 === 0 ? 0 : 2])).vectors[0]).toEqual(
          expected.vectors[i % 2 === 0 ? 0 : 2],
        );
      }
      expect((await embedder.embed(texts)).vectors).toEqual(expected.vectors);
      expect(started).toHaveLength(nThreads);
      await Promise.all([here.dispose(), embedder.dispose()]);
      expect(running()).toBe(0);
    },
  );

  it('a long first batch waits for them, and so do calls that come meanwhile', async () => {
    const here = await Embedder.load(bundled, { backend: 'wasm', worker: false });
    const expected = await here.embed(texts);
    const embedder = await Embedder.load(bundled, options);
    const [long, ...short] = await Promise.all([
      embedder.embed(texts[1]),
      ...Array.from({ length: 20 }, () => embedder.embed(texts[0])),
    ]);
    expect(started).toHaveLength(nThreads);
    expect(long.vectors[0]).toEqual(expected.vectors[1]);
    for (const { vectors } of short) expect(vectors[0]).toEqual(expected.vectors[0]);
    await Promise.all([here.dispose(), embedder.dispose()]);
  });

  it('calls without a pause in between do not keep them from starting', async () => {
    const embedder = await Embedder.load(fixture('bert-mean'), options);
    const isOnline = new Promise<true>((resolve) => {
      onWorker = (worker) => void worker.once('online', () => resolve(true));
    });
    let online = false;
    void isOnline.then(() => {
      online = true;
    });
    const end = performance.now() + 10_000;
    while (!online && performance.now() < end) await embedder.embed('a');
    expect(online).toBe(true);
    await embedder.dispose();
  });

  it('ends at any moment, with all threads', async () => {
    for (const delay of [undefined, 0, 1, 2, 5, 10, 20, 50, 100]) {
      const embedder = await Embedder.load(bundled, options);
      await embedder.embed('a text');
      if (delay !== undefined) await new Promise((resolve) => setTimeout(resolve, delay));
      const late = [embedder.embed('another'), embedder.embed(texts[1])].map((call) => call.catch((error) => error));
      await embedder.dispose();
      for (const error of await Promise.all(late)) expect(String(error)).toContain('disposed');
      await expect(embedder.embed('a text')).rejects.toThrow('disposed');
      await vi.waitFor(() => expect(running(), `disposed after ${delay} ms`).toBe(0));
    }
  });

  it('the calling thread goes on if they cannot be started, and says so', async () => {
    const warnings: string[] = [];
    const embedder = await Embedder.load(bundled, { ...options, onWarning: (warning) => warnings.push(warning) });
    onWorker = (worker) => void worker.terminate();
    const { vectors } = await embedder.embed(texts[0]);
    const long = await embedder.embed(texts[1]);
    expect(warnings).toEqual([
      expect.stringMatching(/^cannot start the compute workers, so the calling thread computes: /),
    ]);
    expect(long.vectors[0]).toHaveLength(384);
    expect((await embedder.embed(texts[0])).vectors).toEqual(vectors);
    expect(embedder.failure).toBeUndefined();
    await vi.waitFor(() => expect(running()).toBe(0));
    await embedder.dispose();
  });
});

it.each([{ worker: true }, { profile: true }, { keepBlocks: true }])(
  'workers start with the load: %j',
  async (options) => {
    const embedder = await Embedder.load(fixture('bert-mean'), { backend: 'wasm', threads: 2, ...options });
    expect(started).toHaveLength(2);
    await embedder.dispose();
  },
);

it('a worker that dies later ends the embedder', async () => {
  const embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 2 });
  await embedder.embed(texts[1]);
  await started[1].terminate();
  await expect(embedder.embed('a text')).rejects.toThrow('load the model again');
  expect(embedder.failure?.message).toContain('compute worker 2 of 2 ended unexpectedly');
  await embedder.dispose();
});

describe('where the system has a thread for one worker, not for three', () => {
  const { Worker } = threads;
  const failure = 'EAGAIN';
  const explained = `the system has no thread for a worker (${failure}): raise the limit of processes`;
  beforeEach(() => {
    let n = 0;
    threads.Worker = class extends Worker {
      constructor(...given: ConstructorParameters<typeof Worker>) {
        if (n++ > 0) throw Object.assign(new Error(failure), { code: 'ERR_WORKER_INIT_FAILED' });
        super(...given);
      }
    };
  });
  afterEach(() => {
    threads.Worker = Worker;
  });

  it('the calling thread goes on, and no worker is left', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: string) => warnings.push(warning);
    const embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 3, onWarning });
    expect((await embedder.embed(texts[1])).vectors[0]).toHaveLength(384);
    expect(warnings).toEqual([expect.stringContaining(explained)]);
    expect(started).toHaveLength(1);
    await vi.waitFor(() => expect(running()).toBe(0));
    await embedder.dispose();
  });

  it('a load that must have them fails, and leaves no worker and no open file', async () => {
    let isClosed = false;
    const source = {
      name: 'model',
      size: 1000,
      read: () => Promise.reject(new Error('nothing reads it')),
      close: async () => {
        isClosed = true;
      },
    };
    const load = Embedder.load(source, { backend: 'wasm', threads: 3, worker: true });
    await expect(load).rejects.toThrow(explained);
    expect(isClosed).toBe(true);
    await vi.waitFor(() => expect(started).toHaveLength(1));
    await vi.waitFor(() => expect(running()).toBe(0));
  });
});
