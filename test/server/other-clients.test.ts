/**
 * @file What clients of other servers send: null for absent, other words, unusual spellings of headers, numbers no float holds.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, type AppOptions, createApp } from '../../src/server/index.ts';
import { findOverflow } from '../../src/server/json/number-overflow.ts';
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
    'encoding_format embd_normalize dimensions output_dimension output_dtype prompt_name truncate truncation_direction model';
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

describe('output_dimension of Cohere and Voyage', () => {
  it('is dimensions, which comes first', async () => {
    const asked = (fields: object) => post(app(), '/v1/embeddings', { input: 'a text', ...fields });
    const expected = await asked({ dimensions: 12 });
    expect(expected.json.data[0].embedding).toHaveLength(12);
    expect(await asked({ output_dimension: 12 })).toEqual(expected);
    expect(await asked({ output_dimension: 20, dimensions: 12 })).toEqual(expected);
  });

  it('that is impossible is refused by its name', async () => {
    const { status, json } = await post(app(), '/v1/embeddings', { input: 'a text', output_dimension: 0 });
    expect([status, json.error.message]).toEqual([400, '"output_dimension" must be an integer from 1 to 65536']);
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

describe('numbers no float holds', () => {
  it.each([
    ['{"content":[1e999]}', '1e999', '$.content[0]'],
    ['{"content":[-1e999]}', '-1e999', '$.content[0]'],
    [`{"content":[1${'0'.repeat(400)}]}`, `1${'0'.repeat(39)}…`, '$.content[0]'],
    ['{"content":[1, "a, [\\"1e999", 2E+0400]}', '2E+0400', '$.content[2]'],
    ['{"content":1e999,"content":"a text"}', '1e999', '$.content'],
    ['{"a":[[0,1],{"b c":{"d":1.5e309}}],"a":1}', '1.5e309', '$.a[1]["b c"].d'],
    ['1e400', '1e400', '$'],
  ])('%s', async (body, number, path) => {
    for (const route of ['/tokenize', '/detokenize', '/v1/embeddings', '/rerank']) {
      const served = route === '/rerank' ? createApp(reranker) : app();
      const { status, json } = await post(served, route, body);
      expect(status).toBe(400);
      expect(json.error.message).toContain(`number overflow parsing '${number}' at ${path}: `);
    }
  });

  it.each([
    '{"content":"1e999"}',
    '{"content":"\\\\\\"1e999"}',
    '{"content":"a","x":[1e-999,1E308,0e999,1e0308]}',
    `{"content":"a","1e999":0.${'0'.repeat(400)}1}`,
    `{"content":"a","e999":"${'9'.repeat(400)}"}`,
  ])('are not found in %s', async (body) => {
    expect((await post(app(), '/tokenize', body)).status).toBe(200);
  });

  it('are looked for in time in proportion to the length, whatever the strings hold', () => {
    const time = (text: string) => {
      const started = performance.now();
      expect(findOverflow(text)).toBeUndefined();
      return performance.now() - started;
    };
    for (const text of [
      `[${Array(200_000).fill('1e100').join()}]`,
      `[${Array(200_000).fill('"e123"').join()}]`,
      `["${'e123'.repeat(200_000)}"]`,
      `["${'1'.repeat(1_000_000)}", "${'\\\\'.repeat(500_000)}e123", 0.${'0'.repeat(1_000_000)}1]`,
    ]) {
      expect(time(text)).toBeLessThan(3000);
    }
  });
});

it.each<{ ids: (string | number)[] }>([
  { ids: [1e300] },
  { ids: [-1] },
  { ids: ['a', 5e9] },
  { ids: [1328] },
  { ids: [2 ** 31] },
  { ids: [-1e300] },
])('an id that is outside the vocabulary is named with its place: $ids', async ({ ids }) => {
  const place = ids.length - 1;
  for (const body of [
    ['/tokenize', { content: ids }],
    ['/tokenize', { content: ids, with_pieces: true }],
    ['/detokenize', { tokens: ids.filter((id) => typeof id === 'number') }],
  ] as const) {
    const { status, json } = await post(app(), body[0], body[1]);
    expect(status).toBe(400);
    const field = body[0] === '/tokenize' ? `content[${place}]` : 'tokens[0]';
    expect(json.error.message).toContain(`${field} is ${ids[place]}, outside the vocabulary of 1328 tokens`);
  }
});

describe('truncate of rerank', () => {
  const long = 'word '.repeat(2000);
  const ask = (more: object) => post(createApp(reranker), '/rerank', { query: 'q', documents: [long], ...more });

  it.each([true, 'END', 'end', 'true'])('%j cuts', async (truncate) => {
    expect((await ask({ truncate })).json.results[0].truncated).toBe(true);
  });

  it.each([false, 'NONE', 'none', null, undefined])('%j refuses what is too long', async (truncate) => {
    const { status, json } = await ask({ truncate });
    expect(status).toBe(400);
    expect(json.error.message).toContain('too large');
  });

  it.each(['START', 'MIDDLE', '', 1, {}, ['END']])('%j is refused', async (truncate) => {
    const { status, json } = await ask({ truncate });
    expect(status).toBe(400);
    expect(json.error.message).toContain('"truncate" must be true, false, NONE or END');
  });

  it('a pair is not cut at its beginning', async () => {
    for (const truncation_direction of ['left', 'Left', 'up']) {
      const { status, json } = await ask({ truncate: true, truncation_direction });
      expect(status).toBe(400);
      expect(json.error.message).toContain('"truncation_direction" must be ');
    }
    expect((await ask({ truncate: true, truncation_direction: 'Right' })).status).toBe(200);
  });
});

describe('a body that is not JSON gets an error that names its type', () => {
  const xml = '<?xml version="1.0"?><input>a</input>';
  it.each<[string, string | undefined, string, RegExp]>([
    ['a form', 'application/x-www-form-urlencoded', 'input=a+text&model=m', /a URL-encoded form \(Content-Type: app/],
    ['a form that curl sends', 'Application/X-WWW-Form-Urlencoded; charset=utf-8', 'hello', /a URL-encoded form/],
    ['a form without a type', '', 'input=a+text', /a URL-encoded form \(without Content-Type\)/],
    ['plain text', 'text/plain', 'hello there', /plain text \(Content-Type: text\/plain\)/],
    ['XML', 'application/xml', xml, /XML/],
    ['XML as text', 'text/xml; charset=utf-8', xml, /XML/],
    ['SOAP', 'application/soap+xml', xml, /XML/],
    ['XML without a type', '', xml, /XML/],
    ['HTML', 'text/html', '<!doctype html><p>', /HTML/],
    ['a form without a boundary', 'multipart/form-data', '--x\r\n', /form.*has no boundary/],
    ['a form with an empty boundary', 'multipart/form-data; boundary=', '--x\r\n', /form.*has no boundary/],
    [
      'a form without a type, in parts',
      '',
      '--x\r\nContent-Disposition: form-data; name="input"\r\n\r\na\r\n--x--',
      /a multipart form/,
    ],
    ['bytes', 'application/octet-stream', 'x', /no JSON/],
  ])('%s', async (_, type, body, message) => {
    for (const path of ['/v1/embeddings', '/tokenize']) {
      const { status, json } = await post(
        app(),
        path,
        new TextEncoder().encode(body),
        type ? { 'content-type': type } : {},
      );
      expect(status).toBe(400);
      expect(json.error.message).toMatch(message);
      expect(json.error.message).toContain('send a JSON object, with Content-Type: application/json');
    }
  });

  it.each(['application/json', 'text/plain', 'application/x-www-form-urlencoded', ''])(
    'but not JSON with a mistake in it, as %j',
    async (type) => {
      const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
      const { json } = await post(app(), '/tokenize', new TextEncoder().encode('{"content": }'), headers);
      expect(json.error.message).toMatch(/^\[json\.exception\.parse_error\.101\]/);
      expect(json.error.message).not.toContain('send a JSON object');
      const good = await post(app(), '/tokenize', new TextEncoder().encode('{"content":"a"}'), headers);
      expect(good.status).toBe(200);
    },
  );
});

describe('a form', () => {
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const part = '--x\r\nContent-Disposition: form-data; name="input"';

  it('has no field where it has a file', async () => {
    const file = `${part}; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n`;
    const { status, json } = await post(app(), '/v1/embeddings', new TextEncoder().encode(file), headers);
    expect(status).toBe(400);
    expect(json.error.message).toBe('"input" or "content" must be provided');
    const both = `${part}\r\n\r\nhello\r\n${file}`;
    expect((await post(app(), '/v1/embeddings', new TextEncoder().encode(both), headers)).status).toBe(200);
  });

  it('that has no end is refused with a reason', async () => {
    const { status, json } = await post(app(), '/v1/embeddings', new TextEncoder().encode(`${part}\r\n\r\na`), headers);
    expect(status).toBe(400);
    expect(json.error.message).toContain('must have the boundary of Content-Type');
  });
});

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
