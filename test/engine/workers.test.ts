/**
 * @file Computing in workers. Imports the built package by its own name, because Node 20 starts no workers from TypeScript.
 */
import type { Worker } from 'node:worker_threads';
import { Embedder, GgufError, ModelError, type Progress, Reranker } from 'gguf-embed';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { editedBytes } from '../models/edit.ts';
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

  it('finds the tokens that a score compares in the vocabulary', async () => {
    const template = 'query: {query} document: {document} relevant:';
    const bytes = await editedBytes('qwen3', ({ values }) => {
      values.set('tokenizer.chat_template.rerank', { type: 'string', value: template });
    });
    const options = { backend: 'wasm', rankTokens: ['is', 'in'] } as const;
    const [here, there] = await Promise.all([
      Reranker.load(bytes, { ...options, worker: false }),
      Reranker.load(bytes, { ...options, threads: 2, worker: true }),
    ]);
    const [a, b] = await Promise.all([here, there].map((reranker) => reranker.rank('a bear', ['a panda', 'it is'])));
    expect(b.results).toEqual(a.results);
    await Promise.all([here.dispose(), there.dispose()]);
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
    const loading = Embedder.load(bundled, { backend: 'wasm', threads: 2, worker: true, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('changed my mind')), delay);
    await expect(loading).rejects.toThrow('changed my mind');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(running(), `aborted after ${delay} ms`).toBe(0);
  }
});

describe('batches through shared memory', () => {
  const built = new URL('../../build/modules/engine/', import.meta.url).href;

  /** A runner on the team of `threads` workers. */
  async function startTeam(threads: number) {
    const { Team } = (await import(`${built}team/team.js`)) as typeof import('../../src/engine/team/team.ts');
    const files = (await import(`${built}load/open-model.js`)) as typeof import('../../src/engine/load/open-model.ts');
    const opened = await files.openFiles(fixture('bert-mean'), {}, {});
    const model = await files.readHeaders(opened, {});
    const setup = { nThreads: threads };
    const team = new Team(threads, 'wasm');
    const runner = await team.load(model, { backend: 'wasm', precision: 'high', profile: false, setup }, {});
    await files.closeFiles(opened);
    return runner;
  }
  const batchOf = (ids: readonly number[], nSeq = 1) => ({
    ids: Int32Array.from(ids),
    positions: Int32Array.from(ids, (_, i) => i % (ids.length / nSeq)),
    offsets: Int32Array.from({ length: nSeq + 1 }, (_, i) => (i * ids.length) / nSeq),
  });
  const plain = batchOf([5, 6, 7, 8, 9, 10, 11, 12]);

  // Earlier versions have no packing, which sets the flags.
  it.skipIf(Number.parseInt(process.versions.node, 10) < 24)('start before flags of V8 are set', async () => {
    let nOnline = 0;
    const count = (worker: Worker) => void worker.on('online', () => nOnline++);
    process.on('worker', count);
    const flags = vi.spyOn(process.getBuiltinModule('node:v8'), 'setFlagsFromString');
    const nOnlineAt: number[] = [];
    flags.mockImplementation(() => void nOnlineAt.push(nOnline));
    try {
      const embedder = await Embedder.load(fixture('bert-mean'), {
        backend: 'wasm',
        threads: 2,
        worker: true,
        packing: true,
      });
      await embedder.dispose();
    } finally {
      flags.mockRestore();
      process.off('worker', count);
    }
    expect(nOnlineAt.length).toBeGreaterThan(0);
    expect(nOnlineAt).toEqual(nOnlineAt.map(() => 2));
  });

  it.each([1, 2])('pass on what goes wrong in %i workers, which then compute on', async (threads) => {
    const runner = await startTeam(threads);
    const values = await runner.run(plain, 'mean');
    for (let i = 0; i < 3; i++) {
      const wrong = batchOf([5, 6, 7, 8, 9, 10, 11, 1_000_000]);
      await expect(runner.run(wrong, 'mean')).rejects.toThrow(/1000000/);
      expect(await runner.run(plain, 'mean')).toEqual(values);
    }
    await runner.dispose();
  });

  it('give the bits of messages, for batches and results that do not fit, too', async () => {
    const runner = await startTeam(2);
    const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
    // An observer needs messages.
    const observed = (batch: typeof plain, pooling: 'mean' | 'none') => runner.run(batch, pooling, () => {});
    const ids = Array.from({ length: 6000 }, (_, i) => 5 + ((i * 7) % 90));
    for (const batch of [plain, batchOf(ids, 600)]) {
      for (const pooling of ['mean', 'none'] as const) {
        const [values, wanted] = [await runner.run(batch, pooling), await observed(batch, pooling)];
        expect(values.length).toBe(wanted.length);
        expect(Buffer.compare(bytesOf(values), bytesOf(wanted))).toBe(0);
      }
    }
    await runner.dispose();
  });

  it('end with dispose and with the death of a worker', async () => {
    for (const end of ['dispose', 'death'] as const) {
      const runner = await startTeam(2);
      await runner.run(plain, 'mean');
      const long = runner.run(batchOf(Array(4000).fill(7), 8), 'mean');
      const rejected = expect(long).rejects.toThrow(end === 'death' ? 'ended unexpectedly' : 'disposed');
      if (end === 'death') await started.at(-1)!.terminate();
      else await runner.dispose();
      await rejected;
      await expect(runner.run(plain, 'mean')).rejects.toThrow();
      await runner.dispose();
      await vi.waitFor(() => expect(running()).toBe(0));
    }
  });

  it.each(['worker: true', ''])('do not keep the process (%s)', async (worker) => {
    const { spawnSync } = await import('node:child_process');
    const options = `{ backend: 'wasm', threads: 2, ${worker} }`;
    const script = `import { Embedder } from 'gguf-embed';
      const embedder = await Embedder.load(${JSON.stringify(fixture('bert-mean'))}, ${options});
      for (let i = 0; i < 5; i++) await embedder.embed('a text');
      console.log('computed');`;
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    expect(`${stdout} ${status}`).toBe('computed\n 0');
  });
});
