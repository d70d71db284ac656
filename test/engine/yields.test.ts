/** @file Without a worker, the event loop goes on while a long batch computes on its thread. */
import { Embedder } from 'gguf-embed';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { bundled, fixture } from './support.ts';

/** 510 words of one token each: with the special tokens, the most that the model takes. */
const long = Array.from({ length: 510 }, (_, i) => ['cat', 'dog', 'house', 'tree', 'river'][(i * i) % 5]).join(' ');

const load = (options: { worker: boolean; onBatch?: () => void }) =>
  Embedder.load(bundled, { backend: 'wasm', threads: 1, ...options });

let embedder: Embedder;
let nBatches = 0;
beforeAll(async () => {
  embedder = await load({ worker: false, onBatch: () => void nBatches++ });
});
afterAll(() => embedder.dispose());

it('lets immediates and timers run, and gives the bits that a worker gives', async () => {
  const inWorker = await load({ worker: true });
  const expected = await inWorker.embed(long);
  await inWorker.dispose();
  const counts = { immediates: 0, timers: 0 };
  let isOpen = true;
  const count = () => {
    counts.immediates++;
    if (isOpen) setImmediate(count);
  };
  setImmediate(count);
  const timer = setInterval(() => counts.timers++, 1);
  const { vectors, nTokens } = await embedder.embed(long).finally(() => {
    isOpen = false;
    clearInterval(timer);
  });
  expect(nTokens).toEqual([512]);
  expect(vectors).toEqual(expected.vectors);
  expect(counts.immediates).toBeGreaterThan(2);
  expect(counts.timers).toBeGreaterThan(1);
});

/** Computes `long`; resolves when its batch is under way. */
async function begin(): Promise<{ readonly embedding: Promise<unknown> }> {
  const before = nBatches;
  let embedding: Promise<unknown> | undefined;
  await new Promise<void>((resolve) => {
    embedding = embedder.embed(long, { onSize: () => resolve() });
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(nBatches).toBe(before);
  return { embedding: embedding! };
}

it('answers a call that came in the meantime, and lets it be aborted', async () => {
  const { vectors } = await embedder.embed('a short text');
  const order: string[] = [];
  const { embedding } = await begin();
  const first = embedding.finally(() => order.push('long'));
  const abort = new AbortController();
  const aborted = embedder.embed(long, { signal: abort.signal }).catch(() => order.push('aborted'));
  abort.abort();
  const short = embedder.embed('a short text').finally(() => order.push('short'));
  await Promise.all([first, aborted]);
  expect((await short).vectors).toEqual(vectors);
  expect(order).toEqual(['aborted', 'long', 'short']);
});

it('is disposed when the batch under way has ended', async () => {
  const before = nBatches;
  const { embedding } = await begin();
  const rejected = expect(embedding).rejects.toThrow('the embedder was disposed before this was computed');
  await embedder.dispose();
  expect(nBatches).toBe(before + 1);
  await rejected;
});

it('computes while the timers of a test stand still', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate'] });
  try {
    const inTest = await load({ worker: false });
    expect((await inTest.embed(long)).vectors[0]).toHaveLength(384);
    await inTest.dispose();
  } finally {
    vi.useRealTimers();
  }
});

it('lets others have the thread within the attention of a very long text', async () => {
  const rope = { freqBase: 10_000 };
  const many = await Embedder.load(fixture('qwen3'), {
    backend: 'wasm',
    worker: false,
    nCtx: 8192,
    nUbatch: 8192,
    rope,
  });
  await many.embed('a text');
  const begin = performance.now();
  let [last, longest, isOpen] = [begin, 0, true];
  const look = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    if (isOpen) setImmediate(look);
  };
  setImmediate(look);
  await many.embed([Array.from({ length: 8000 }, (_, i) => 5 + ((i * 7) % 50))]);
  isOpen = false;
  // Of two layers, the attention of one would be half.
  expect(longest).toBeLessThan((performance.now() - begin) / 4);
  await many.dispose();
});
