/** @file Limits of the server: waiting requests, sizes of bodies and answers. */
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type AppOptions, createApp, type Engine } from '../../src/server/index.ts';
import { delayed } from './delayed-engine.ts';
import { get, post, refusal } from './fetch-app.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());
const app = (options?: AppOptions, engine: Engine | Promise<Engine> = embedder) => createApp(engine, options);

describe('overload', () => {
  it('turns away what is over --max-queue with 503 and Retry-After, and nobody else', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueue: 2, metrics: true }, held);
    const accepted = [1, 2].map((i) => post(served, '/v1/embeddings', { input: `text ${i}` }));
    await expect.poll(() => held.nCalls).toBe(2);
    const late = await post(served, '/v1/embeddings', { input: 'late' });
    expect(late.status).toBe(503);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await late.json()).error).toEqual({
      code: 503,
      message: 'The server is busy: 2 requests are waiting',
      type: 'unavailable_error',
    });
    expect((await get(served, '/health')).status).toBe(200);
    const slots = await (await get(served, '/slots')).json();
    expect(slots.map((slot: { is_processing: boolean }) => slot.is_processing)).toEqual([true, true, false, false]);
    held.release();
    for (const answer of await Promise.all(accepted)) expect(answer.status).toBe(200);
    expect((await post(served, '/v1/embeddings', { input: 'now' })).status).toBe(200);
    expect(await (await get(served, '/metrics')).text()).toContain('gguf_embed_rejected_total 1\n');
  });

  it('bounds the bytes of all bodies together', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueueBytes: 1000 }, held);
    const headers = { 'content-length': '900' };
    const body = { input: `x${' '.repeat(884)}` };
    const first = post(served, '/v1/embeddings', body, { headers });
    await expect.poll(() => held.nCalls).toBe(1);
    expect((await post(served, '/v1/embeddings', body, { headers })).status).toBe(503);
    held.release();
    expect((await first).status).toBe(200);
  });

  it('counts the bytes of bodies of unknown length as they come', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueueBytes: 1000, metrics: true }, held);
    const stream = () =>
      served.fetch(
        new Request('http://localhost/v1/embeddings', {
          method: 'POST',
          body: new Blob([JSON.stringify({ input: `x${' '.repeat(600)}` })]).stream(),
          duplex: 'half',
        } as RequestInit),
      );
    const first = stream();
    await expect.poll(() => held.nCalls).toBe(1);
    const second = await stream();
    expect(second.status).toBe(503);
    expect(second.headers.get('retry-after')).toBe('1');
    held.release();
    expect((await first).status).toBe(200);
    expect((await stream()).status).toBe(200);
    expect(await (await get(served, '/metrics')).text()).toContain('gguf_embed_rejected_total 1\n');
  });

  it('refuses answers of too many values before they are computed', async () => {
    const held = delayed(embedder);
    held.release();
    const input = Array.from({ length: 1100 }, () => [101]);
    const refused = await refusal(app({}, held), { input, dimensions: 65536 });
    expect(refused).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(refused.message).toContain('the answer would have 72089600 values, more than 67108864');
    expect(await refusal(app({ cacheSize: 9 }), { input, dimensions: 65536 })).toMatchObject({ status: 400 });
    const tokens = await Embedder.load(fixture('models/bert-mean.gguf'), {
      backend: 'reference',
      worker: false,
      pooling: 'none',
    });
    const long = { content: Array(5).fill(Array(300).fill(101)), dimensions: 65536 };
    for (const options of [{}, { cacheSize: 9 }]) {
      expect((await refusal(app(options, tokens), long, '/embedding')).message).toContain('98304000 values');
    }
    await tokens.dispose();
  });

  it('bounds what all answers take together', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueueBytes: 1_000_000 }, held);
    const waiting = post(served, '/v1/embeddings', { input: 'a' });
    await expect.poll(() => held.nCalls).toBe(1);
    const heavy = post(served, '/v1/embeddings', { input: 'a', dimensions: 65536 });
    await expect.poll(() => held.nCalls).toBe(2);
    held.release();
    expect((await heavy).status === 503 || (await waiting).status === 503).toBe(true);
    expect((await post(served, '/v1/embeddings', { input: 'a', dimensions: 65536 })).status).toBe(200);
  });

  it('answers 413 for a body over the limit, declared or not', async () => {
    const served = app({ bodyLimit: 100 });
    const body = JSON.stringify({ input: 'x'.repeat(200) });
    const declared = await served.fetch(
      new Request('http://localhost/v1/embeddings', { method: 'POST', body, headers: { 'content-length': '212' } }),
    );
    expect(declared.status).toBe(413);
    const streamed = await served.fetch(
      new Request('http://localhost/v1/embeddings', {
        method: 'POST',
        body: new Blob([body]).stream(),
        duplex: 'half',
      } as RequestInit),
    );
    expect(streamed.status).toBe(413);
    expect((await streamed.json()).error).toMatchObject({ code: 413, type: 'payload_too_large_error' });
  });

  it('unpacks bodies, up to the limit', async () => {
    const send = (encoding: string, body: Uint8Array<ArrayBuffer>) =>
      app({ bodyLimit: 1000 }).fetch(
        new Request('http://localhost/v1/embeddings', {
          method: 'POST',
          body,
          headers: { 'content-encoding': encoding, 'content-length': String(body.length) },
        }),
      );
    const expected = await (await post(app(), '/v1/embeddings', { input: 'hello' })).text();
    for (const [encoding, pack] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
    ] as const) {
      expect(await (await send(encoding, pack('{"input":"hello"}'))).text()).toBe(expected);
      expect((await send(encoding, pack(`{"input":"${'x'.repeat(1000)}"}`))).status).toBe(413);
      const broken = await send(encoding, new Uint8Array(30).fill(7));
      expect(broken.status).toBe(400);
      expect((await broken.json()).error.message).toContain(`the body is not valid ${encoding}`);
      expect((await send(encoding, pack('{"input":"hello"}').subarray(0, -5))).status).toBe(400);
    }
    const unknown = await send('br', new Uint8Array(3));
    expect(unknown.status).toBe(415);
    expect((await unknown.json()).error.message).toContain('use gzip, deflate or none');
  });

  it('passes on who asks, and that he went away', async () => {
    const held = delayed(embedder);
    const served = app({ metrics: true }, held);
    const leaving = new AbortController();
    const request = new Request('http://localhost/embedding', {
      method: 'POST',
      body: '{"content":"a"}',
      signal: leaving.signal,
    });
    const answer = served.fetch(request, { client: '10.0.0.1' });
    await expect.poll(() => held.nCalls).toBe(1);
    expect(held.calls[0].client).toBe('10.0.0.1');
    leaving.abort();
    held.release();
    await answer;
    expect(held.calls[0].signal?.aborted).toBe(true);
    expect(await (await get(served, '/metrics')).text()).toContain('gguf_embed_abandoned_total 1\n');
  });
});
