/**
 * @file The APIs of other servers: Cohere's, text-embeddings-inference's (TEI) and Ollama's, by their own clients and by raw requests.
 */
import { InferenceClient } from '@huggingface/inference';
import { CohereClientV2 } from 'cohere-ai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder, Reranker } from '../../src/engine/index.ts';
import { type App, createApp } from '../../src/server/index.ts';
import { type Listening, listen } from '../../src/server/sockets/listen.node.ts';
import { fixture } from './http-fixture.ts';

const texts = ['hello', 'another text'];
const documents = ['one', 'two, a longer one', 'three'];
const long = 'word '.repeat(2000);
let embedder: Embedder;
let reranker: Embedder;
let servers: { embed: Listening; rank: Listening };
let expected: number[][];
beforeAll(async () => {
  const options = { backend: 'reference', worker: false } as const;
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), options);
  reranker = await Embedder.load(fixture('models/bert-rank.gguf'), options);
  const start = (engine: Embedder) => listen(createApp(engine, { apiKeys: ['key'] }), { host: '127.0.0.1', port: 0 });
  servers = { embed: await start(embedder), rank: await start(reranker) };
  expected = (await embedder.embed(texts)).vectors.map((vector) => Array.from(vector));
});
afterAll(async () => {
  await Promise.all([servers?.embed.close(), servers?.rank.close()]);
  await Promise.all([embedder?.dispose(), reranker?.dispose()]);
});

const rounded = (vectors: unknown) => (vectors as number[][]).map((vector) => vector.map(Math.fround));

async function ask(app: App, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const init = body === undefined ? { headers } : { method: 'POST', body: JSON.stringify(body), headers };
  const answer = await app.fetch(new Request(`http://localhost${path}`, init));
  return { status: answer.status, json: await answer.json() };
}

describe("Ollama's client", () => {
  const client = (key = 'key') => new Ollama({ host: servers.embed.url, headers: { Authorization: `Bearer ${key}` } });

  it('embeds one text and several', async () => {
    const { model, embeddings, prompt_eval_count, total_duration } = await client().embed({
      model: 'any',
      input: texts,
    });
    expect(model).toBe('any');
    expect(rounded(embeddings)).toEqual(expected);
    expect(prompt_eval_count).toBe(embedder.tokenize(texts[0]).length + embedder.tokenize(texts[1]).length);
    expect(total_duration).toBeGreaterThan(0);
    expect(rounded((await client().embed({ model: 'any', input: texts[0] })).embeddings)).toEqual([expected[0]]);
  });

  it('cuts what is too long unless told not to, and shortens vectors', async () => {
    expect((await client().embed({ model: 'any', input: long, dimensions: 8 })).embeddings[0]).toHaveLength(8);
    const refused = client().embed({ model: 'any', input: long, truncate: false });
    await expect(refused).rejects.toThrow(/^input \(\d+ tokens\) is larger than the max context size/);
  });

  it('lists the model and its version', async () => {
    const { models } = await client().list();
    expect(models).toHaveLength(1);
    expect(models[0]).toMatchObject({ name: 'bert-mean.gguf', size: embedder.info.size, details: { family: 'bert' } });
    expect(new Date(models[0].modified_at).getTime()).toBeLessThanOrEqual(Date.now());
    expect((await client().version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('gets errors as texts, whoever makes them', async () => {
    await expect(client('wrong').list()).rejects.toThrow(/^Invalid API Key$/);
    await expect(client().embed({ model: 'any', input: 5 as unknown as string })).rejects.toThrow(/^"prompt" elements/);
    await expect(client().embeddings({ model: 'any', prompt: 'a' })).rejects.toThrow(/^File Not Found$/);
    await expect(client().show({ model: 'any' })).rejects.toThrow(/^File Not Found$/);
  });
});

describe("Cohere's client", () => {
  const client = () => new CohereClientV2({ token: 'key', environment: servers.rank.url });

  it('ranks, with probabilities as scores', async () => {
    const { results, id } = await client().rerank({ model: 'any', query: 'two', documents, topN: 2 });
    const scores = createApp(reranker, { rankScores: 'probability' });
    const { json } = await ask(scores, '/rerank', { query: 'two', documents, top_n: 2 });
    const ours = json.results.map(({ index, relevance_score }: { index: number; relevance_score: number }) => ({
      index,
      relevanceScore: relevance_score,
    }));
    expect(results).toEqual(ours);
    expect(results.every(({ relevanceScore }) => relevanceScore > 0 && relevanceScore < 1)).toBe(true);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('cuts a document that is too long', async () => {
    expect((await client().rerank({ model: 'any', query: 'two', documents: [long] })).results).toHaveLength(1);
  });

  it('gets errors with a message', async () => {
    const empty = client().rerank({ model: 'any', query: 'two', documents: [] });
    await expect(empty).rejects.toMatchObject({
      statusCode: 400,
      body: { message: '"documents" must be a non-empty string array' },
    });
    const { status, json } = await ask(createApp(embedder), '/v2/rerank', { query: 'a', documents });
    expect([status, Object.keys(json)]).toEqual([501, ['message']]);
  });
});

describe("Voyage's requests", () => {
  const query = { query: 'a question', model: 'any' };

  it('rank, with the answer and the scores of Voyage', async () => {
    const app = createApp(reranker);
    const { json } = await ask(app, '/v1/rerank', { ...query, documents, top_k: 2, truncation: true });
    const ranking = await Reranker.from(reranker).rank(query.query, documents, { topN: 2, scores: 'probability' });
    expect(json).toEqual({
      object: 'list',
      model: 'any',
      usage: { prompt_tokens: expect.any(Number), total_tokens: expect.any(Number) },
      data: ranking.results.map(({ index, score }) => ({ index, relevance_score: expect.closeTo(score, 6) })),
    });
    // The client sends null for a number that is not given.
    expect((await ask(app, '/v1/rerank', { ...query, documents, top_k: null })).json.data).toHaveLength(3);
    expect((await ask(app, '/v1/rerank', { ...query, documents, top_n: 1 })).json.results).toHaveLength(1);
    const refused = await ask(app, '/v1/rerank', { ...query, documents, top_k: -1 });
    expect(refused).toMatchObject({ status: 400, json: { error: { message: '"top_k" must not be negative' } } });
  });

  it('cut what is too long, where they say so or say nothing', async () => {
    const [rank, embed] = [createApp(reranker), createApp(embedder)];
    const ranked = (body: object) => ask(rank, '/v1/rerank', { ...query, documents: [long], ...body });
    expect((await ranked({ top_k: 1 })).json.data).toMatchObject([{ index: 0, truncated: true }]);
    expect((await ranked({ truncation: true })).status).toBe(200);
    expect((await ranked({ truncation: false })).status).toBe(400);
    expect((await ranked({})).status).toBe(400);
    const embedded = (body: object) => ask(embed, '/v1/embeddings', { input: long, ...body });
    expect((await embedded({ truncation: true })).json.data).toMatchObject([{ truncated: true }]);
    for (const body of [{ truncation: false }, { truncation: true, truncate: false }, { truncation: 'auto' }, {}])
      expect((await embedded(body)).status).toBe(400);
  });
});

describe('text-embeddings-inference', () => {
  it("Hugging Face's client embeds", async () => {
    const client = new InferenceClient('key', { endpointUrl: `${servers.embed.url}/embed` });
    expect(rounded(await client.featureExtraction({ inputs: texts }))).toEqual(expected);
    await expect(client.featureExtraction({ inputs: long })).rejects.toThrow(/larger than the max context size/);
  });

  it.each([
    [{ inputs: texts }, { input: texts }],
    [
      { inputs: texts, normalize: false },
      { input: texts, embd_normalize: -1 },
    ],
    [
      { inputs: long, truncate: true },
      { input: long, truncate: true },
    ],
    [
      { inputs: `first ${long}`, truncate: true, truncation_direction: 'Left' },
      { input: `first ${long}`, truncate: true, truncation_direction: 'left' },
    ],
    [
      { inputs: [[101, 102]], dimensions: 8 },
      { input: [[101, 102]], dimensions: 8 },
    ],
    [
      {
        inputs: texts,
        normalize: null,
        truncate: null,
        truncation_direction: null,
        prompt_name: null,
        dimensions: null,
      },
      { input: texts },
    ],
  ])('%j is %j of /v1/embeddings', async (theirs, ours) => {
    const app = createApp(embedder);
    const { status, json } = await ask(app, '/embed', theirs);
    expect(status).toBe(200);
    const data = (await ask(app, '/v1/embeddings', ours)).json.data as { embedding: number[] }[];
    expect(json).toEqual(data.map(({ embedding }) => embedding));
  });

  it.each([{}, { inputs: 5 }, { inputs: 'a', normalize: 'yes' }, { inputs: 'a', prompt_name: 'none' }])(
    '%j is refused with an error as text',
    async (body) => {
      const { status, json } = await ask(createApp(embedder), '/embed', body);
      expect(status).toBe(400);
      expect(json).toEqual({ error: expect.stringMatching(/\w/), error_type: 'Validation' });
    },
  );

  it('/info says what the model is', async () => {
    expect((await ask(createApp(embedder), '/info')).json).toMatchObject({
      model_id: 'bert-mean.gguf',
      model_type: { embedding: { pooling: 'mean' } },
      max_input_length: 512,
    });
    expect((await ask(createApp(reranker), '/info')).json.model_type).toEqual({
      reranker: { id2label: { 0: 'LABEL_0' }, label2id: { LABEL_0: 0 } },
    });
    const several = { ...reranker, info: { ...reranker.info, labels: ['no', 'yes'] } } as unknown as typeof reranker;
    expect((await ask(createApp(several), '/info')).json.model_type).toEqual({
      classifier: { id2label: { 0: 'no', 1: 'yes' }, label2id: { no: 0, yes: 1 } },
    });
  });

  it.each([
    ['last', 'last_token'],
    ['none', 'none'],
    ['max', 'max'],
    ['cls+mean', 'cls+mean'],
  ] as const)('/info says of pooling %s that it is %s', async (pooling, name) => {
    const engine = { ...embedder, info: { ...embedder.info, pooling } } as Embedder;
    expect((await ask(createApp(engine), '/info')).json.model_type).toEqual({ embedding: { pooling: name } });
  });
});

describe("OpenAI's GET /v1/models/{id}", () => {
  it('gives the model by each of its names', async () => {
    const client = new OpenAI({ baseURL: `${servers.embed.url}/v1`, apiKey: 'key', maxRetries: 0 });
    const [listed] = (await client.models.list()).data;
    expect(await client.models.retrieve('bert-mean.gguf')).toMatchObject({ id: listed.id, object: 'model' });
    await expect(client.models.retrieve('nobody')).rejects.toThrow(/'nobody' does not exist.* bert-mean\.gguf/);
    const named = createApp(embedder, { aliases: ['user/name:Q8_0', 'other'] });
    expect((await ask(named, '/v1/models/user/name:Q8_0')).json.id).toBe('other');
  });
});

it('routes below a prefix have their own errors, and paths without a route those of their folder or of llama-server', async () => {
  const app = createApp(embedder, { prefix: '/p', apiKeys: ['key'] });
  expect((await ask(app, '/p/api/embed', {})).json).toEqual({ error: 'Invalid API Key' });
  const headers = { Authorization: 'Bearer key' };
  expect((await ask(app, '/p/api/embed', {}, headers)).json).toEqual({ error: '"input" must be provided' });
  expect((await ask(app, '/p/api/show', {}, headers)).json).toEqual({ error: 'File Not Found' });
  expect((await ask(app, '/p/v2/embed', {}, headers)).json).toEqual({ message: 'File Not Found' });
  expect((await ask(app, '/p/x/info', undefined, headers)).json.error.message).toBe('File Not Found');
});
