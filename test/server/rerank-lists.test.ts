/**
 * @file /rerank with a listwise reranker: scores, tokens and cut documents as the engine gives them, in Jina's, Cohere's and TEI's formats.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder, Reranker } from '../../src/engine/index.ts';
import { createApp } from '../../src/server/index.ts';
import { fixture } from './http-fixture.ts';

const query = 'what is a panda?';
const documents = ['hi', 'it is a bear', 'The giant panda is a bear of China.'];

interface Answer {
  readonly results: { index: number; relevance_score: number; truncated?: boolean }[];
  readonly usage: { total_tokens: number };
  readonly error?: { message: string; type: string };
}

let embedder: Embedder;
let post: (path: string, body: object) => Promise<{ status: number; answer: Answer }>;
beforeAll(async () => {
  const model = fileURLToPath(fixture('models/jina-reranker-v3.gguf'));
  embedder = await Embedder.load(model, { backend: 'wasm', worker: false });
  const app = createApp(Promise.resolve(embedder));
  post = async (path, body) => {
    const response = await app.fetch(new Request(`http://x${path}`, { method: 'POST', body: JSON.stringify(body) }));
    return { status: response.status, answer: (await response.json()) as Answer };
  };
});
afterAll(() => embedder.dispose());

it.each(['/rerank', '/v1/rerank', '/v2/rerank'])('%s ranks a list', async (path) => {
  const { results, nTokens } = await Reranker.from(embedder).rank(query, documents);
  const { status, answer } = await post(path, { model: 'm', query, documents, top_n: 2 });
  expect(status).toBe(200);
  const found = answer.results.map(({ index, relevance_score }) => [index, Math.fround(relevance_score)]);
  if (path !== '/v2/rerank') {
    expect(found).toEqual(results.slice(0, 2).map(({ index, score }) => [index, Math.fround(score)]));
    expect(answer.usage.total_tokens).toBe(nTokens.reduce((a, b) => a + b));
  } else expect(found.map(([index]) => index)).toEqual(results.slice(0, 2).map(({ index }) => index));
});

it('refuses a document that is too long, or cuts it', async () => {
  const long = ['word '.repeat(2100), 'hi'];
  const { status, answer } = await post('/rerank', { query, documents: long });
  expect(status).toBe(400);
  expect(answer.error?.message).toMatch(/document 0 has \d+ tokens, but the model takes 2048/);
  const cut = await post('/rerank', { query, documents: long, truncate: true });
  expect(cut.answer.results.find(({ index }) => index === 0)?.truncated).toBe(true);
  expect(cut.answer.results.find(({ index }) => index === 1)?.truncated).toBeUndefined();
});

it('makes no vectors of texts', async () => {
  const { status, answer } = await post('/v1/embeddings', { input: 'a text' });
  expect(status).toBe(400);
  expect(answer.error?.message).toContain('has no dense output');
});
