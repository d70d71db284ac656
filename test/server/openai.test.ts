/**
 * @file The official client of OpenAI against the running server.
 */
import OpenAI, { BadRequestError } from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { createApp } from '../../src/server/index.ts';
import { type Listening, listen } from '../../src/server/sockets/listen.node.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
let server: Listening;
let client: OpenAI;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
  server = await listen(createApp(embedder, { apiKeys: ['key'] }), { host: '127.0.0.1', port: 0 });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'key', maxRetries: 0 });
});
afterAll(async () => {
  await server?.close();
  await embedder?.dispose();
});

const model = 'bert-mean';

it('embeds one text, by default as base64 on the wire', async () => {
  const { data, usage, ...rest } = await client.embeddings.create({ model, input: 'Hello world' });
  expect(rest).toMatchObject({ model, object: 'list' });
  expect(usage).toEqual({ prompt_tokens: 6, total_tokens: 6 });
  const { vectors } = await embedder.embed('Hello world');
  expect(data[0].embedding).toEqual(Array.from(vectors[0]));
});

it('embeds a batch, floats the same as base64', async () => {
  const input = ['one', 'two', 'three words more', ''];
  const base64 = await client.embeddings.create({ model, input });
  const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
  expect(base64.data.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  for (const [i, { embedding }] of floats.data.entries()) {
    expect(Array.from(Float32Array.from(embedding))).toEqual(base64.data[i].embedding);
  }
});

it('embeds token ids, one list or several', async () => {
  const ids = embedder.tokenize('Hello world');
  const text = await client.embeddings.create({ model, input: 'Hello world' });
  const one = await client.embeddings.create({ model, input: ids });
  const several = await client.embeddings.create({ model, input: [ids, ids] });
  expect(one.data[0].embedding).toEqual(text.data[0].embedding);
  expect(several.data).toHaveLength(2);
  expect(several.data[1].embedding).toEqual(text.data[0].embedding);
});

it('cuts to the dimensions asked for and normalises again', async () => {
  const { data } = await client.embeddings.create({ model, input: 'Hello world', dimensions: 8 });
  expect(data[0].embedding).toHaveLength(8);
  expect(Math.hypot(...data[0].embedding)).toBeCloseTo(1, 5);
});

it('raises the errors of the API', async () => {
  const wrong = client.embeddings.create({ model, input: [999999] });
  await expect(wrong).rejects.toThrow(BadRequestError);
  await expect(wrong).rejects.toThrow('Prompt contains invalid tokens');
  const long = client.embeddings.create({ model, input: Array(513).fill(101) });
  await expect(long).rejects.toMatchObject({ status: 400, type: 'exceed_context_size_error' });
  const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
  await expect(stranger.embeddings.create({ model, input: 'x' })).rejects.toMatchObject({ status: 401 });
});

it('lists the model', async () => {
  const models = await client.models.list();
  expect(models.data.map(({ id }) => id)).toEqual(['bert-mean.gguf']);
});
