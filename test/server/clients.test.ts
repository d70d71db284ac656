/**
 * @file Clients that people have: the Vercel AI SDK's provider for compatible servers, and the OpenAI embeddings of
 * LangChain and LlamaIndex.
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { OpenAIEmbeddings } from '@langchain/openai';
import { OpenAIEmbedding } from '@llamaindex/openai';
import { embed, embedMany } from 'ai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { createApp } from '../../src/server/index.ts';
import { type Listening, listen } from '../../src/server/sockets/listen.node.ts';
import { fixture } from './http-fixture.ts';

const texts = ['hello', 'another text'];
let embedder: Embedder;
let server: Listening;
let expected: number[][];
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
  server = await listen(createApp(embedder, { apiKeys: ['key'] }), { host: '127.0.0.1', port: 0 });
  const { vectors } = await embedder.embed(texts);
  expected = vectors.map((vector) => Array.from(vector));
});
afterAll(async () => {
  await server?.close();
  await embedder?.dispose();
});

const rounded = (vectors: number[][]) => vectors.map((vector) => vector.map(Math.fround));

it('the AI SDK', async () => {
  const provider = createOpenAICompatible({ name: 'local', baseURL: `${server.url}/v1`, apiKey: 'key' });
  const model = provider.textEmbeddingModel('bert');
  const one = await embed({ model, value: texts[0] });
  expect(rounded([one.embedding])).toEqual([expected[0]]);
  expect(one.usage.tokens).toBe(embedder.tokenize(texts[0]).length);
  expect(rounded((await embedMany({ model, values: texts })).embeddings)).toEqual(expected);
  const long = embed({ model, value: 'word '.repeat(2000), maxRetries: 0 });
  await expect(long).rejects.toThrow(/larger than the max context size/);
});

it('LangChain', async () => {
  const options = { apiKey: 'key', model: 'bert', maxRetries: 0, configuration: { baseURL: `${server.url}/v1` } };
  const embeddings = new OpenAIEmbeddings(options);
  expect(rounded(await embeddings.embedDocuments(texts))).toEqual(expected);
  expect(rounded([await embeddings.embedQuery(texts[1])])).toEqual([expected[1]]);
  const short = new OpenAIEmbeddings({ ...options, dimensions: 8 });
  expect(await short.embedQuery(texts[0])).toHaveLength(8);
});

it('LlamaIndex', async () => {
  const options = { apiKey: 'key', baseURL: `${server.url}/v1`, model: 'text-embedding-3-small', maxRetries: 0 };
  const embeddings = new OpenAIEmbedding(options);
  expect(rounded(await embeddings.getTextEmbeddingsBatch(texts))).toEqual(expected);
  expect(rounded([await embeddings.getTextEmbedding(texts[1])])).toEqual([expected[1]]);
  const short = new OpenAIEmbedding({ ...options, dimensions: 8 });
  expect(await short.getTextEmbedding(texts[0])).toHaveLength(8);
  await expect(embeddings.getTextEmbedding('word '.repeat(2000))).rejects.toThrow(/larger than the max context size/);
});
