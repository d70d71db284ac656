/**
 * @file Callbacks of the caller that throw, `undefined` too: the call ends with what was thrown, and later calls are served.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Embedder } from '../../src/engine/embedder.ts';
import type { EmbedOptions, LoadOptions } from '../../src/engine/types.ts';
import { fixture } from './support.ts';

const reasons = [new Error('mine'), undefined, null, 'text'] as const;
const load = (options: LoadOptions = {}) =>
  Embedder.load(fixture('bert-mean'), { worker: false, backend: 'wasm', ...options });

/** What `promise` rejects with, in a box: it may be `undefined`. */
async function rejection(promise: Promise<unknown>): Promise<{ reason: unknown } | 'resolved'> {
  return promise.then(
    () => 'resolved' as const,
    (reason: unknown) => ({ reason }),
  );
}

describe.each(reasons)('a callback that throws %o', (reason) => {
  const throws = () => {
    throw reason;
  };
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await load();
  });
  afterAll(() => embedder.dispose());

  it.each(['onProgress', 'onSize', 'observer'] as const)('%s of embed', async (name) => {
    const options: EmbedOptions = { [name]: throws };
    expect(await rejection(embedder.embed(['a', 'b'], options))).toEqual({ reason });
    expect((await embedder.embed('a')).vectors).toHaveLength(1);
  });

  it('onBatch of load', async () => {
    let calls = 0;
    const counted = await load({ onBatch: () => calls++ === 0 && throws() });
    expect(await rejection(counted.embed(['a', 'b']))).toEqual({ reason });
    expect((await counted.embed('a')).vectors).toHaveLength(1);
    await counted.dispose();
  });

  it('onProgress of load', async () => {
    expect(await rejection(load({ onProgress: throws }))).toEqual({ reason });
  });

  it('the source of load', async () => {
    const source = { name: 'mine', size: 1000, read: async () => throws(), close: async () => {} };
    expect(await rejection(Embedder.load(source, { worker: false, backend: 'wasm' }))).toEqual({ reason });
  });
});

it('an abort without a reason ends the call', async () => {
  const embedder = await load();
  const methods = { addEventListener() {}, removeEventListener() {}, throwIfAborted() {} };
  const signal = { aborted: true, reason: undefined, ...methods } as unknown as AbortSignal;
  const promise = embedder.embed('a', { signal });
  expect(await rejection(promise)).toEqual({ reason: undefined });
  await embedder.dispose();
});

it('calls that share a batch with a failing onBatch fail with it, and none hangs', async () => {
  const onBatch = vi.fn(() => {
    throw new Error('mine');
  });
  const embedder = await load({ onBatch });
  const ended = await Promise.allSettled([embedder.embed('a'), embedder.embed('b'), embedder.embed(['c', 'd'])]);
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await embedder.dispose();
});
