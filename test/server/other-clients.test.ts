/**
 * @file What clients of other servers send: null for absent, other words, unusual spellings of headers, numbers no float holds.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, type AppOptions, createApp } from '../../src/server/index.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
let reranker: Embedder;
beforeAll(async () => {
  const options = { backend: 'reference', worker: false } as const;
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), options);
  reranker = await Embedder.load(fixture('models/bert-rank.gguf'), options);
});
afterAll(async () => {
  await embedder?.dispose();
  await reranker?.dispose();
});

const app = (options: AppOptions = {}) => createApp(embedder, options);

async function post(served: App, path: string, body: unknown, headers: Record<string, string> = {}) {
  const sent = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const init = { method: 'POST', body: sent as string, headers };
  const answer = await served.fetch(new Request(`http://localhost${path}`, init));
  return { status: answer.status, json: await answer.json() };
}

describe('null means absent', () => {
  const fields =
    'encoding_format embd_normalize dimensions output_dtype prompt_name truncate truncation_direction model';
  it.each(fields.split(' '))('%s', async (field) => {
    const expected = await post(app(), '/v1/embeddings', { input: 'a text' });
    expect(await post(app(), '/v1/embeddings', { input: 'a text', [field]: null })).toEqual(expected);
    expect(expected.status).toBe(200);
  });

  it.each([
    ['/tokenize', 'content'],
    ['/detokenize', 'tokens'],
  ])('%s: %s', async (path, field) => {
    expect(await post(app(), path, { [field]: null })).toEqual(await post(app(), path, {}));
  });
});

describe('truncate', () => {
  const long = `first ${'word '.repeat(2000)}last`;
  it.each([
    ['END', { truncate: true }],
    ['end', { truncate: true }],
    ['START', { truncate: true, truncation_direction: 'left' }],
  ])('%s', async (word, ours) => {
    const body = { input: long, input_type: 'passage' };
    const answer = await post(app(), '/v1/embeddings', { ...body, truncate: word });
    expect(answer.status).toBe(200);
    expect(answer).toEqual(await post(app(), '/v1/embeddings', { ...body, ...ours }));
  });

  it('NONE refuses what is too long, which the message calls too large', async () => {
    const answer = await post(app(), '/v1/embeddings', { input: long, truncate: 'NONE' });
    expect(answer.status).toBe(400);
    expect(answer.json.error.message).toContain('too large');
    expect((await post(app(), '/v1/embeddings', { input: 'short', truncate: 'NONE' })).status).toBe(200);
    expect((await post(app(), '/v1/embeddings', { input: 'short', truncate: 'MIDDLE' })).status).toBe(400);
  });
});

it('documents of rerank may be objects with a text', async () => {
  const served = createApp(reranker);
  const expected = await post(served, '/v1/rerank', { query: 'q', documents: ['one', 'two', 'three'] });
  expect(expected.status).toBe(200);
  const documents = [{ text: 'one' }, 'two', { text: 'three', id: 3 }];
  expect(await post(served, '/v1/rerank', { query: 'q', documents })).toEqual(expected);
  expect((await post(served, '/v1/rerank', { query: 'q', documents: [{ title: 'one' }] })).status).toBe(400);
});

it.each(['GZIP', 'x-gzip', 'X-Gzip', 'gzip, identity', 'identity,gzip'])(
  'Content-Encoding: %s is gzip',
  async (name) => {
    const headers = { 'content-encoding': name };
    const expected = await post(app(), '/tokenize', { content: 'a text' });
    expect(await post(app(), '/tokenize', gzipSync('{"content":"a text"}'), headers)).toEqual(expected);
  },
);

it.each(['Identity', '', 'IDENTITY, identity'])('Content-Encoding: "%s" is none', async (name) => {
  const answer = await post(app(), '/tokenize', { content: 'a text' }, { 'content-encoding': name });
  expect(answer).toEqual(await post(app(), '/tokenize', { content: 'a text' }));
});

it('packed twice is refused', async () => {
  const headers = { 'content-encoding': 'gzip, gzip' };
  expect((await post(app(), '/tokenize', gzipSync(gzipSync('{}')), headers)).status).toBe(415);
});

it.each(['Multipart/Form-Data', 'MULTIPART/FORM-DATA'])('a form whose type is written %s is a form', async (type) => {
  const body =
    '--0123456789012345678901234567890\r\nContent-Disposition: form-data; name="content"\r\n\r\na text\r\n--0123456789012345678901234567890--\r\n';
  const answer = await post(app(), '/tokenize', body, {
    'content-type': `${type}; boundary=0123456789012345678901234567890`,
  });
  expect(answer).toEqual(await post(app(), '/tokenize', { content: 'a text' }));
});

it.each(['[1e999]', '[-1e999]', `[1${'0'.repeat(400)}]`, '[1, "a", 2E+0400]'])(
  'numbers no float holds: %s',
  async (content) => {
    const answer = await post(app(), '/tokenize', `{"content":${content}}`);
    expect(answer.status).toBe(400);
    expect(answer.json.error.message).toContain('number overflow');
    expect((await post(app(), '/tokenize', '{"content":"1e999"}')).status).toBe(200);
  },
);

it('names an invalid token, and says what a client must be told', async () => {
  const { status, json } = await post(app(), '/v1/embeddings', { input: [[101], [101, 999_999]] });
  expect(status).toBe(400);
  for (const part of [
    'Prompt contains invalid tokens',
    'token 999999 of input 1',
    'at position 1',
    String(embedder.tokenizer.vocab.nTokens),
    'check_embedding_ctx_length',
  ])
    expect(json.error.message).toContain(part);
});

it.each(['Schlüssel', '鍵', 'plain'])(
  'the API key %s matches as UTF-8 bytes, which runtimes take for Latin-1',
  async (key) => {
    const served = app({ apiKeys: ['other', key] });
    const ask = async (token: string) => {
      const headers = { authorization: `Bearer ${Buffer.from(token).toString('latin1')}` };
      return (await served.fetch(new Request('http://localhost/v1/models', { headers }))).status;
    };
    expect(await ask(key)).toBe(200);
    expect(await ask(`${key}x`)).toBe(401);
    expect(await ask(key.slice(1))).toBe(401);
  },
);
