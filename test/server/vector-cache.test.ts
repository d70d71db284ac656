/** @file The cache of vectors. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type AppOptions, createApp, type Engine } from '../../src/server/index.ts';
import { delayed } from './delayed-engine.ts';
import { get, long, post, refusal } from './fetch-app.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());
const app = (options?: AppOptions, engine: Engine | Promise<Engine> = embedder) => createApp(engine, options);

describe('the vector cache', () => {
  it('answers the second time without computing, to the bit, and counts', async () => {
    const held = delayed(embedder);
    held.release();
    const served = app({ cacheSize: 3, metrics: true }, held);
    const first = await post(served, '/v1/embeddings', { input: ['a', 'b', long], truncate: true });
    const again = await post(served, '/v1/embeddings', { input: ['a', 'b'] });
    expect(held.nCalls).toBe(1);
    expect((await again.json()).data).toEqual((await first.json()).data.slice(0, 2));
    expect((await post(served, '/v1/embeddings', { input: 'a', dimensions: 4 })).status).toBe(200);
    expect(held.nCalls).toBe(2);
    const text = await (await get(served, '/metrics')).text();
    expect(text).toContain('gguf_embed_cache_hits_total 2\n');
    expect(text).toContain('gguf_embed_cache_misses_total 4\n');
    expect(text).toContain('gguf_embed_cache_entries 3\n');
  });

  it('forgets what was not used for longest, and still counts usage', async () => {
    const held = delayed(embedder);
    held.release();
    const served = app({ cacheSize: 2 }, held);
    for (const input of ['a', 'b', 'a', 'c']) await post(served, '/v1/embeddings', { input });
    expect(held.nCalls).toBe(3);
    const kept = await (await post(served, '/v1/embeddings', { input: 'a' })).json();
    expect(kept.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    expect(held.nCalls).toBe(3);
    await post(served, '/v1/embeddings', { input: 'b' });
    expect(held.nCalls).toBe(4);
  });

  it('refuses with it what it refuses without', async () => {
    const served = app({ cacheSize: 2 });
    for (const input of [[999999], [[]], long, [1, -1]]) {
      expect(await refusal(served, { input })).toEqual(await refusal(app(), { input }));
    }
  });
});
