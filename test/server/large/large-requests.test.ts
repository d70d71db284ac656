/**
 * @file Requests with large bodies, which a worker handles: the same answers as in small pieces, while others are served.
 * Of the built package, because Node 20 starts no workers from TypeScript.
 */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../../src/convert/file.node.ts';
import type { App, AppOptions, Engine } from '../../../src/server/index.ts';
import { unpackCheckout } from '../../convert/support.ts';
import { delayed } from '../delayed-engine.ts';
import { fixture } from '../http-fixture.ts';

const built = (path: string) => import(fileURLToPath(new URL(`../../../build/modules/${path}`, import.meta.url)));
const { Embedder } = (await built('engine/index.js')) as typeof import('../../../src/engine/index.ts');
const { createApp } = (await built('server/index.js')) as typeof import('../../../src/server/index.ts');
const { LargeRequests } = (await built(
  'server/large/large-requests.node.js',
)) as typeof import('../../../src/server/large/large-requests.node.ts');

type Loaded = Awaited<ReturnType<typeof Embedder.load>>;
type Large = InstanceType<typeof LargeRequests>;

const path = fixture('models/bert-mean.gguf');
const rankPath = fixture('models/bert-rank.gguf');
let embedder: Loaded;
let reranker: Loaded;
const started: Large[] = [];
beforeAll(async () => {
  embedder = await Embedder.load(path, { backend: 'wasm', threads: 1, worker: false });
  reranker = await Embedder.load(rankPath, { backend: 'wasm', threads: 1, worker: false });
});
afterAll(async () => {
  await Promise.all(started.map((large) => large.close()));
  await embedder?.dispose();
  await reranker?.dispose();
});

function withWorker(options: AppOptions = {}, engine: Engine = embedder, idle?: number): { app: App; large: Large } {
  const large = new LargeRequests(idle);
  started.push(large);
  return { app: createApp(engine, { metrics: true, ...options, large }), large };
}

const post = (app: App, route: string, body: unknown, init: RequestInit = {}) =>
  app.fetch(new Request(`http://localhost${route}`, { method: 'POST', body: JSON.stringify(body), ...init }));
const metric = async (app: App, name: string) => {
  const text = await (await app.fetch(new Request('http://localhost/metrics'))).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
};

/** Makes a body large without changing what it asks for. */
const padding = { padding: ' '.repeat(100_000) };
const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);

it('the log counts the tokens of every route that has some', async () => {
  const seen: [string, number][] = [];
  const onRequest: AppOptions['onRequest'] = ({ route, nTokens }) => seen.push([route, nTokens]);
  const { app } = withWorker({ onRequest });
  const json = async (served: App, route: string, body: object) =>
    (await post(served, route, { ...body, ...padding })).json();
  const { tokens } = await json(app, '/tokenize', { content: 'one two three' });
  await json(app, '/detokenize', { tokens: [101, 102] });
  const { usage } = await json(app, '/v1/embeddings', { input: 'one two three' });
  const ranked = await json(withWorker({ onRequest }, reranker).app, '/rerank', {
    query: 'q',
    documents: ['one', 'two'],
  });
  expect(seen).toEqual([
    ['/tokenize', tokens.length],
    ['/detokenize', 2],
    ['/v1/embeddings', usage.prompt_tokens],
    ['/rerank', ranked.usage.prompt_tokens],
  ]);
});

describe('answers are those of small requests', () => {
  const bodies: [string, object][] = [
    ['/v1/embeddings', { input: texts, model: 'mine' }],
    ['/v1/embeddings', { input: texts, encoding_format: 'base64', dimensions: 7 }],
    ['/v1/embeddings', { content: [[101, 102], 'a', [101, 'b']], embd_normalize: 1 }],
    ['/v1/embeddings', { input: ['word '.repeat(2000), 'short'], truncate: true, truncation_direction: 'left' }],
    ['/v1/embeddings', { input: 'panda', prompt_name: 'query' }],
    ['/v1/embeddings', { input: ['word '.repeat(2000), [101], 'panda'], prompt_name: 'layout', truncate: true }],
    ['/embedding', { content: texts, output_dtype: 'int8' }],
    ['/tokenize', { content: 'hello world', with_pieces: true, add_special: true }],
    ['/detokenize', { tokens: [101, 110, 102] }],
    ['/v1/embeddings', { input: 'word '.repeat(2000) }],
    ['/v1/embeddings', { input: 'a', prompt_name: 'nobody' }],
    ['/v1/embeddings', { input: [999_999] }],
    ['/v1/embeddings', { input: [] }],
    ['/v1/embeddings', {}],
    ['/v1/rerank', { query: 'a', documents: ['b'] }],
    ['/detokenize', { tokens: [999_999] }],
  ];
  it.each(bodies)('%s, case %#', async (route, body) => {
    const prompts = { query: 'query: ', layout: { prefix: 'a ', suffix: ' [SEP] b' } };
    const { app, large } = withWorker({ prompts });
    const answer = await post(app, route, { ...body, ...padding });
    const expected = await post(createApp(embedder, { prompts }), route, body);
    expect(large.isRunning).toBe(true);
    expect(answer.status).toBe(expected.status);
    expect(await answer.text()).toBe(await expected.text());
  });

  it('of a reranker', async () => {
    const { app } = withWorker({}, reranker);
    const documents = texts.concat('word '.repeat(2000));
    for (const fields of [
      { documents, top_n: 5 },
      { texts: documents, return_text: true },
    ]) {
      const body = { query: 'which text?', truncate: true, ...fields };
      const answer = await (await post(app, '/v1/rerank', { ...body, ...padding })).text();
      expect(answer).toBe(await (await post(createApp(reranker), '/v1/rerank', body)).text());
      if (!('top_n' in fields)) expect(answer.match(/"truncated":true/g)).toHaveLength(1);
    }
  });

  it.each([0, 1000])('of a reranker that knows token types, with %i cached vectors', async (cacheSize) => {
    const folder = unpackCheckout('bert-rerank');
    const converted = join(dirname(folder), 'pairs.gguf');
    await convertFolder(folder, converted, 'F32');
    const options = { backend: 'wasm', threads: 1, worker: false, pooling: 'rank' } as const;
    const pairs = await Embedder.load(converted, options);
    const { app } = withWorker({ cacheSize }, pairs);
    const body = { query: 'which text?', documents: texts };
    const expected = await (await post(createApp(pairs), '/v1/rerank', body)).text();
    expect(expected.match(/relevance_score/g)).toHaveLength(texts.length);
    // The same tokens as one text, whose types are all 0, first.
    const ids = texts.map((text) => pairs.tokenizer.encodePair(body.query, text));
    const plain = await (await post(app, '/embedding', { content: ids })).text();
    for (let round = 0; round < 2; round++) {
      expect(await (await post(app, '/v1/rerank', { ...body, ...padding })).text()).toBe(expected);
      expect(await (await post(app, '/embedding', { content: ids })).text()).toBe(plain);
    }
    await pairs.dispose();
    rmSync(dirname(folder), { recursive: true });
  });

  it('of a ColBERT model: vectors of queries and documents, and ranking', async () => {
    const folder = unpackCheckout('colbert-bert');
    const file = join(dirname(folder), 'model.gguf');
    await convertFolder(folder, file, 'F32');
    const colbert = await Embedder.load(file, { backend: 'wasm', threads: 1, worker: false });
    const { app } = withWorker({}, colbert);
    const input = [...texts.slice(0, 20), 'word '.repeat(100), [5, 6, 7]];
    for (const [route, body] of [
      ['/v1/embeddings', { input, output: ['multi'], prompt_name: 'query' }],
      ['/v1/embeddings', { input, output: ['multi'], truncate: true }],
      ['/v1/embeddings', { input: 'word '.repeat(400), output: ['multi'] }],
      ['/v1/rerank', { query: 'which text?', documents: texts, truncate: true }],
    ] as const) {
      const expected = await (await post(createApp(colbert), route, body)).text();
      expect(await (await post(app, route, { ...body, ...padding })).text()).toBe(expected);
    }
    await colbert.dispose();
    rmSync(dirname(folder), { recursive: true });
  });

  it('of token vectors, in many portions', async () => {
    const tokens = await Embedder.load(path, { backend: 'wasm', threads: 1, worker: false, pooling: 'none' });
    const body = { content: Array.from({ length: 40 }, (_, i) => `${i} ${'word '.repeat(150)}`) };
    const answer = await (await post(withWorker({}, tokens).app, '/embedding', { ...body, ...padding })).text();
    expect(answer).toBe(await (await post(createApp(tokens), '/embedding', body)).text());
    await tokens.dispose();
  });

  it('of forms and of packed bodies', async () => {
    const { app } = withWorker();
    const form = new FormData();
    form.append('input', 'one');
    form.append('input', 'two');
    form.append('padding', padding.padding);
    const answer = await app.fetch(new Request('http://localhost/v1/embeddings', { method: 'POST', body: form }));
    const expected = await (await post(createApp(embedder), '/v1/embeddings', { input: ['one', 'two'] })).text();
    expect(await answer.text()).toBe(expected);
    const packed = await app.fetch(
      new Request('http://localhost/v1/embeddings', {
        method: 'POST',
        body: gzipSync(JSON.stringify({ input: ['one', 'two'], ...padding })),
        headers: { 'content-encoding': 'gzip' },
      }),
    );
    expect(await packed.text()).toBe(expected);
  });
});

it('explains why a large body is not JSON, without quoting it', async () => {
  const { app } = withWorker();
  const body = `{"input":"${'x'.repeat(200_000)}`;
  const answer = await app.fetch(new Request('http://localhost/v1/embeddings', { method: 'POST', body }));
  const { message } = (await answer.json()).error;
  expect(answer.status).toBe(400);
  expect(message).toContain('column 200011');
  expect(message).toContain("missing closing quote; last read: '…xxx");
  expect(message.length).toBeLessThan(500);
});

it('others are served while a body of megabytes is tokenized', async () => {
  const { app } = withWorker();
  let done = false;
  const long = post(app, '/tokenize', { content: 'many different words '.repeat(500_000) }).finally(
    () => (done = true),
  );
  let nServed = 0;
  let longest = 0;
  for (let since = performance.now(); !done; nServed++) {
    await app.fetch(new Request('http://localhost/health'));
    await new Promise((resolve) => setTimeout(resolve, 1));
    longest = Math.max(longest, performance.now() - since);
    since = performance.now();
  }
  expect((await (await long).json()).tokens.length).toBeGreaterThan(1_000_000);
  expect(nServed).toBeGreaterThan(20);
  expect(longest).toBeLessThan(1000);
});

it('shares the cache, and counts', async () => {
  const { app } = withWorker({ cacheSize: 1000 });
  await post(app, '/v1/embeddings', { input: texts.slice(0, 10) });
  await post(app, '/v1/embeddings', { input: texts, ...padding });
  await post(app, '/v1/embeddings', { input: texts.slice(290) });
  expect(await metric(app, 'gguf_embed_cache_hits_total')).toBe(20);
  expect(await metric(app, 'gguf_embed_cache_misses_total')).toBe(300);
});

it('knows who asks, and drops the request of a client that goes away', async () => {
  const held = delayed(embedder as unknown as Parameters<typeof delayed>[0]);
  const { app } = withWorker({}, held);
  const leaving = new AbortController();
  const body = JSON.stringify({ input: 'a', ...padding });
  const request = new Request('http://localhost/embedding', { method: 'POST', body, signal: leaving.signal });
  const answer = app.fetch(request, { client: '10.0.0.1' });
  await expect.poll(() => held.nCalls, { timeout: 20_000 }).toBe(1);
  expect(held.calls[0].client).toBe('10.0.0.1');
  leaving.abort();
  await answer;
  expect(held.calls[0].signal?.aborted).toBe(true);
  expect(await metric(app, 'gguf_embed_abandoned_total')).toBe(1);
  expect(await metric(app, 'llamacpp:requests_processing')).toBe(0);
  held.release();
});

it('ends the worker when it is idle, and starts another one', async () => {
  const { app, large } = withWorker({}, embedder, 20);
  for (let round = 0; round < 2; round++) {
    expect((await post(app, '/tokenize', { content: 'a', ...padding })).status).toBe(200);
    await expect.poll(() => large.isRunning).toBe(false);
  }
});

describe('the worker uses the model that is served, even if the file at its path has changed', () => {
  const other = fixture('models/bert-cased.gguf');
  it.each([
    ['replaced', (path: string) => copyFileSync(other, path)],
    ['removed', (path: string) => rmSync(path)],
    ['overwritten with something else', (path: string) => writeFileSync(path, 'no model')],
  ])('the file was %s', async (_, change) => {
    const folder = mkdtempSync(join(tmpdir(), 'large-'));
    const copy = join(folder, 'model.gguf');
    copyFileSync(path, copy);
    const engine = await Embedder.load(copy, { backend: 'wasm', threads: 1, worker: false });
    try {
      change(copy);
      const { app, large } = withWorker({}, engine);
      for (const [route, body] of [
        ['/tokenize', { content: 'Hello Worldly embeddings' }],
        ['/detokenize', { tokens: [101, 110, 102] }],
        ['/v1/embeddings', { input: 'Hello Worldly embeddings' }],
      ] as const) {
        const answer = await post(app, route, { ...body, ...padding });
        expect(answer.status).toBe(200);
        expect(await answer.text()).toBe(await (await post(app, route, body)).text());
      }
      expect(large.isRunning).toBe(true);
    } finally {
      await engine.dispose();
      rmSync(folder, { recursive: true });
    }
  });
});

it('answers a request that comes while the worker ends', async () => {
  const { app, large } = withWorker();
  expect((await post(app, '/tokenize', { content: 'a', ...padding })).status).toBe(200);
  const closing = large.close();
  expect((await post(app, '/tokenize', { content: 'a', ...padding })).status).toBe(200);
  await closing;
  expect(large.isRunning).toBe(true);
});

it('a worker that ends by itself fails its requests and no others', async () => {
  const errors: unknown[] = [];
  const held = delayed(embedder as unknown as Parameters<typeof delayed>[0]);
  const { app, large } = withWorker({ onError: (error) => errors.push(error) }, held);
  const lost = post(app, '/v1/embeddings', { input: 'a', ...padding });
  await expect.poll(() => held.nCalls, { timeout: 20_000 }).toBe(1);
  await large.close();
  expect((await lost).status).toBe(500);
  expect(errors).toHaveLength(1);
  held.release();
  expect((await post(app, '/v1/embeddings', { input: 'a', ...padding })).status).toBe(200);
});
