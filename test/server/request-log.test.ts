/**
 * @file What is told of each request for a log: who, which route, how it ended, how many tokens and how long; never a text.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type AnsweredRequest, createApp } from '../../src/server/index.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());

function served() {
  const requests: AnsweredRequest[] = [];
  const warnings: string[] = [];
  const app = createApp(embedder, {
    apiKeys: ['k'],
    onRequest: (request) => requests.push(request),
    onWarning: (message) => warnings.push(message),
  });
  const post = (path: string, body: unknown, key = 'k') =>
    app.fetch(
      new Request(`http://localhost${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { authorization: `Bearer ${key}` },
      }),
      { client: '10.0.0.9' },
    );
  return { post, requests, warnings };
}

it('tells of answers and refusals alike', async () => {
  const { post, requests } = served();
  const { usage } = await (await post('/v1/embeddings', { input: ['a secret text', 'another'] })).json();
  await post('/v1/embeddings', { input: 5.5 });
  await post('/v1/embeddings', { input: 'a secret text' }, 'wrong');
  await post('/nothing?secret', {});
  expect(requests.map(({ milliseconds: _, ...rest }) => rest)).toEqual([
    { client: '10.0.0.9', method: 'POST', route: '/v1/embeddings', status: 200, nTokens: usage.prompt_tokens },
    { client: '10.0.0.9', method: 'POST', route: '/v1/embeddings', status: 400, nTokens: 0 },
    { client: '10.0.0.9', method: 'POST', route: 'none', status: 401, nTokens: 0 },
    { client: '10.0.0.9', method: 'POST', route: 'none', status: 404, nTokens: 0 },
  ]);
  expect(JSON.stringify(requests)).not.toContain('secret');
  for (const { milliseconds } of requests) expect(milliseconds).toBeGreaterThanOrEqual(0);
});

it('warns once of a client that tokenizes for another model', async () => {
  const { post, warnings } = served();
  for (let i = 0; i < 3; i++) expect((await post('/v1/embeddings', { input: [[99_999]] })).status).toBe(400);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/The client probably tokenizes for another model.*check_embedding_ctx_length=False/);
});

it('counts the tokens of every route that has some', async () => {
  const { post, requests } = served();
  const { tokens } = await (await post('/tokenize', { content: 'one two three' })).json();
  await post('/tokenize', { content: 'one two three', with_pieces: true });
  await post('/detokenize', { tokens: [101, 102] });
  expect(requests.map(({ route, nTokens }) => [route, nTokens])).toEqual([
    ['/tokenize', tokens.length],
    ['/tokenize', tokens.length],
    ['/detokenize', 2],
  ]);
});
