/**
 * @file /openapi.json describes the routes that exist, the bodies that they take and the answers that they give.
 */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { type App, createApp } from '../../../src/server/index.ts';
import { fixture, httpServers } from '../http-fixture.ts';

type Content = Record<string, { schema: Schema }>;
interface Operation {
  requestBody?: { content: Content };
  responses: Record<string, { content: Content }>;
}
type Schema = Readonly<Record<string, unknown>>;

let embedder: Embedder;
let app: App;
let document: {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: { Error: Schema } };
};
const ajv = new Ajv2020({ allErrors: true, strict: false });

const bodySchema = (path: string) => document.paths[path].post.requestBody!.content['application/json'].schema;

beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-rank.gguf'), { backend: 'reference', worker: false });
  app = createApp(embedder, { metrics: true });
  document = await (await app.fetch(new Request('http://localhost/openapi.json'))).json();
});
afterAll(() => embedder?.dispose());

it('describes only routes that exist, and an empty body is answered as described', async () => {
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).length).toBeGreaterThan(15);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { requestBody }] of Object.entries(methods)) {
      const body = method === 'post' ? '{}' : undefined;
      const url = `http://localhost${path.replace('{id}', 'bert-rank.gguf')}`;
      const answer = await app.fetch(new Request(url, { method: method.toUpperCase(), body }));
      const { type, required, anyOf } = requestBody?.content['application/json'].schema ?? {};
      const isNeeded = type === 'array' || ((required ?? anyOf ?? []) as unknown[]).length > 0;
      expect(answer.status, path).toBe(isNeeded ? 400 : 200);
    }
  }
});

it('has every field that is checked, with what it is for and its default', () => {
  const { properties, anyOf } = bodySchema('/v1/embeddings');
  expect(anyOf).toEqual(['input', 'content', 'messages'].map((name) => ({ required: [name] })));
  const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });
  expect(properties).toMatchObject({
    input: { anyOf: expect.any(Array) },
    encoding_format: { ...orNull({ type: 'string', enum: ['float', 'base64'] }), default: 'float' },
    dimensions: orNull({ type: 'integer', minimum: 1, maximum: 65536 }),
    truncation_direction: { ...orNull({ enum: ['left', 'right'] }), default: 'right' },
    embd_normalize: orNull({ anyOf: [{ type: 'number' }, { type: 'boolean' }] }),
    model: { type: 'string' },
  });
  for (const path of ['/v1/embeddings', '/rerank', '/tokenize', '/detokenize']) {
    expect(bodySchema(path).type).toBe('object');
    for (const [name, { description }] of Object.entries(bodySchema(path).properties as Record<string, Schema>)) {
      expect(description, `${path} ${name}`).toMatch(/\w/);
    }
  }
  expect(bodySchema('/rerank').required).toEqual(['query']);
});

/** Fields that the server ignores when they have the wrong type, as llama-server does. */
const lenient = {
  embeddings: ['model'],
  others: [
    'model',
    'documents',
    'texts',
    'top_n',
    'return_text',
    'truncate',
    'add_special',
    'parse_special',
    'with_pieces',
  ],
};

/** What is wrong with a body, as `field: why`. Embeddings prefer `input` to `content`. */
function problems(path: string, body: unknown): { field: string; isLenient: boolean }[] {
  const { input, content, ...others } = body as Record<string, unknown>;
  const isEmbeddings = path.includes('embedding');
  const validate = ajv.compile(bodySchema(path));
  validate(isEmbeddings ? { ...others, ...pick(input ?? content) } : body);
  return (validate.errors ?? []).map(({ instancePath, message }) => {
    const field = instancePath.split('/')[1] ?? '';
    const isLenient = lenient[isEmbeddings ? 'embeddings' : 'others'].includes(field);
    return { field: `${field}: ${message}`, isLenient };
  });
}

const pick = (input: unknown) => (input === undefined ? {} : { input });

/** Recorded requests with a JSON object as body, to routes that are described. */
function recordedRequests(): { path: string; body: unknown; status: number; message: string }[] {
  const single = ['embed/bert-mean', 'embed/bert-cls', 'embed/qwen3', 'rank/bert-rank', 'rank/bert-rank-labels'];
  const ofModels = single.flatMap((name) => {
    const { requests } = JSON.parse(readFileSync(fixture(`reference/${name}.json`), 'utf8'));
    return requests.map((one: { response: unknown }) => ({ ...one, message: JSON.stringify(one.response) }));
  });
  const ofServers = Object.values(httpServers).flatMap(({ cases }) =>
    cases.flatMap(({ method, path, body, status, response_text = '' }) => {
      try {
        return method === 'POST' ? [{ path, body: JSON.parse(body ?? ''), status, message: response_text }] : [];
      } catch {
        return [];
      }
    }),
  );
  return [...ofModels, ...ofServers].filter(
    ({ path, body }) =>
      document.paths[path]?.post?.requestBody && typeof body === 'object' && body !== null && !Array.isArray(body),
  );
}

it('every recorded request that was answered is as described', () => {
  const answered = recordedRequests().filter(({ status }) => status === 200);
  expect(answered.length).toBeGreaterThan(100);
  for (const { path, body } of answered) {
    const serious = problems(path, body).filter(({ isLenient }) => !isLenient);
    expect(serious, `${path} ${JSON.stringify(body)}`).toEqual([]);
  }
});

it('every recorded request that was refused for its fields is not', () => {
  const refused = recordedRequests().filter(({ status, message }) => status === 400 && !needsModel.test(message));
  expect(refused.length).toBeGreaterThan(15);
  for (const { path, body } of refused) {
    const accepted = JSON.stringify(body).includes('"documents":[{"text"');
    if (!accepted) expect(problems(path, body), `${path} ${JSON.stringify(body)}`).not.toEqual([]);
  }
});

it.each<[string, object]>([
  ['/v1/embeddings', {}],
  ['/v1/embeddings', { input: null }],
  ['/v1/embeddings', { input: [] }],
  ['/v1/embeddings', { input: [['a', {}]] }],
  ['/v1/embeddings', { input: 'a', encoding_format: 'hex' }],
  ['/v1/embeddings', { messages: [] }],
  ['/v1/embeddings', { messages: [{ content: 'a' }] }],
  ['/v1/embeddings', { messages: [{ role: 'user', content: [{ type: 'video', video: 'a' }] }] }],
  ['/v1/embeddings', { input: 'a', dimensions: 0 }],
  ['/v1/embeddings', { input: 'a', dimensions: 65537 }],
  ['/v1/embeddings', { input: 'a', dimensions: 1.5 }],
  ['/v1/embeddings', { input: 'a', output_dtype: 'int4' }],
  ['/v1/embeddings', { input: 'a', embd_normalize: '2' }],
  ['/v1/embeddings', { input: 'a', prompt_name: 5 }],
  ['/v1/embeddings', { input: 'a', truncate: 'MIDDLE' }],
  ['/v1/embeddings', { input: 'a', truncation_direction: 'up' }],
  ['/rerank', { documents: ['a'] }],
  ['/rerank', { query: 'a' }],
  ['/rerank', { query: 'a', documents: [] }],
  ['/rerank', { query: 'a', documents: ['b'], top_n: -1 }],
  ['/tokenize', { content: 5 }],
  ['/detokenize', { tokens: 'a' }],
  ['/detokenize', { tokens: ['a'] }],
])('a body for %s that is refused is not as described, case %#', async (path, body) => {
  const answer = await app.fetch(
    new Request(`http://localhost${path}`, { method: 'POST', body: JSON.stringify(body) }),
  );
  expect(answer.status).toBe(400);
  expect(problems(path, body)).not.toEqual([]);
});

it.each<[string, object]>([
  ['/v1/embeddings', { input: 'a', encoding_format: null, dimensions: null, output_dtype: null, embd_normalize: null }],
  ['/v1/embeddings', { input: [['a', 101], 'b'], embd_normalize: true, truncate: 'END', truncation_direction: null }],
  ['/rerank', { query: 'a', documents: [{ text: 'b' }, 'c'], top_n: 1.5 }],
  ['/tokenize', { content: null }],
  ['/embedding', { content: ['a', [101]] }],
  ['/v1/embeddings', { messages: [{ role: 'user', content: 'a' }], add_generation_prompt: true }],
  ['/v1/embeddings', { messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, 'b'] }, { role: 'x' }] }],
  ['/detokenize', { tokens: [true, 1.5] }],
])('a body for %s that is accepted is as described, case %#', async (path, body) => {
  const answer = await app.fetch(
    new Request(`http://localhost${path}`, { method: 'POST', body: JSON.stringify(body) }),
  );
  expect(answer.status).toBe(200);
  expect(problems(path, body)).toEqual([]);
});

/** Why a body is refused that another model would accept. */
const needsModel = /invalid tokens|not OAI compatible|too large|cannot be empty/;

it('moves with the prefix and tells of keys', async () => {
  const guarded = createApp(embedder, { prefix: '/x', apiKeys: ['k'] });
  const answer = await guarded.fetch(
    new Request('http://localhost/x/openapi.json', { headers: { authorization: 'Bearer k' } }),
  );
  const moved = await answer.json();
  expect(Object.keys(moved.paths).every((path) => path.startsWith('/x/'))).toBe(true);
  expect(moved.security).toEqual([{ key: [] }]);
});

/** The same description, which no other key fits. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, ...words } = schema as Schema;
  if ($ref !== undefined) return closed(document.components.schemas.Error);
  const inside = Object.fromEntries(Object.entries(words).map(([word, value]) => [word, closed(value)]));
  return words.type === 'object' && 'properties' in words ? { ...inside, additionalProperties: false } : inside;
}

it.each<[string, object, number]>([
  ['/v1/embeddings', { input: ['a', 'b'] }, 200],
  ['/v1/embeddings', { input: 'a', encoding_format: 'base64' }, 200],
  ['/v1/embeddings', { input: 'word '.repeat(2000), truncate: true, output_dtype: 'int8' }, 200],
  ['/embedding', { content: 'word '.repeat(2000), truncate: true }, 200],
  ['/rerank', { query: 'a', documents: ['b', 'word '.repeat(2000)], truncate: true }, 200],
  ['/rerank', { query: 'a', texts: ['b', 'word '.repeat(2000)], truncate: true, return_text: true }, 200],
  ['/tokenize', { content: 'a b' }, 200],
  ['/tokenize', { content: 'a b', with_pieces: true }, 200],
  ['/detokenize', { tokens: [101] }, 200],
  ['/v1/embeddings', { input: 'word '.repeat(2000) }, 400],
  ['/v1/embeddings', { input: 5 }, 400],
])('the answer of %s, case %#, is as described', async (path, body, status) => {
  const answer = await app.fetch(
    new Request(`http://localhost${path}`, { method: 'POST', body: JSON.stringify(body) }),
  );
  expect(answer.status).toBe(status);
  const { responses } = document.paths[path].post;
  const { schema } = responses[status === 200 ? '200' : 'default'].content['application/json'];
  const json: unknown = await answer.json();
  const validate = ajv.compile(closed(schema) as Schema);
  expect(validate(json), JSON.stringify(validate.errors)).toBe(true);
  const withMore = (value: unknown) => ({ ...(value as object), more: 1 });
  expect(validate(Array.isArray(json) ? json.map(withMore) : withMore(json))).toBe(false);
});
