/**
 * @file Requests from web pages: what a browser needs to see before it gives an answer to the page that asked for it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { type AppOptions, createApp } from '../../../src/server/index.ts';
import { fixture } from '../http-fixture.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());

const page = 'https://page.example';

async function ask(cors: AppOptions['cors'], method: string, headers: Record<string, string>): Promise<Headers> {
  const body = method === 'POST' ? '{"input":"a"}' : undefined;
  const request = new Request('http://localhost/v1/embeddings', { method, headers, body });
  return (await createApp(embedder, { cors, apiKeys: ['key'] }).fetch(request)).headers;
}

/** The rules of the Fetch standard for a request with credentials. */
function isReadable(headers: Headers, origin: string): boolean {
  return (
    headers.get('access-control-allow-origin') === origin && headers.get('access-control-allow-credentials') === 'true'
  );
}

/** The same for the question before it. */
function allows(headers: Headers, origin: string, name: string): boolean {
  const names = (headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/ *, */);
  return isReadable(headers, origin) && names.includes(name);
}

describe.each([
  [page, page],
  [`${page}/`, page],
  [`https://other.example, ${page}`, page],
  ['localhost', 'http://localhost:3000'],
  ['localhost', 'http://[::1]:3000'],
])('--cors-origins %s', (origins, origin) => {
  const authorization = 'Bearer key';

  it('a page may send credentials and a key, and read the answer', async () => {
    const asked = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    expect(allows(await ask({ origins }, 'OPTIONS', asked), origin, 'authorization')).toBe(true);
    expect(isReadable(await ask({ origins }, 'POST', { origin, authorization }), origin)).toBe(true);
  });

  it('a page may read a refusal', async () => {
    expect(isReadable(await ask({ origins }, 'POST', { origin, authorization: 'wrong' }), origin)).toBe(true);
  });

  it('not without --cors-credentials, and no other page', async () => {
    expect(isReadable(await ask({ origins, credentials: false }, 'POST', { origin, authorization }), origin)).toBe(
      false,
    );
    for (const other of ['https://evil.example', 'https://page.example.evil', 'https://localhost.evil', 'null']) {
      expect(isReadable(await ask({ origins }, 'POST', { origin: other, authorization }), other)).toBe(false);
    }
  });
});

it.each<[AppOptions['cors'], boolean]>([
  [undefined, true],
  [{ credentials: false }, false],
  [{ origins: 'localhost' }, true],
  [{ origins: page }, false],
  [{ origins: `https://a.example,${page}` }, true],
])('%j: caches are told whether the answer depends on the origin', async (cors, depends) => {
  for (const origin of ['', page, 'http://localhost']) {
    const answered = await ask(cors, 'POST', { origin, authorization: 'Bearer key' });
    expect(/\borigin\b/i.test(answered.get('vary') ?? '')).toBe(depends);
  }
});

it('the default answers as llama-server: any origin, any header', async () => {
  const answered = await ask(undefined, 'OPTIONS', { origin: page, 'access-control-request-headers': 'authorization' });
  expect(answered.get('access-control-allow-origin')).toBe(page);
  expect(answered.get('access-control-allow-headers')).toBe('*');
  expect(answered.get('access-control-allow-credentials')).toBe('true');
});
