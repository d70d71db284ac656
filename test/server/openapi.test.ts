import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, createApp } from '../../src/server/index.ts';
import { fixture } from './http-fixture.ts';

interface Operation {
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content: Record<string, { schema: Described }> }>;
}
/** The words of JSON Schema that descriptions of answers use. */
interface Described {
  type?: string;
  anyOf?: Described[];
  items?: Described;
  properties?: Record<string, Described>;
  required?: string[];
  enum?: unknown[];
  $ref?: string;
}
interface Schema {
  type?: string;
  properties: Record<string, { description?: string; default?: unknown }>;
  required: string[];
}

let embedder: Embedder;
let app: App;
let document: { openapi: string; paths: Record<string, Record<string, Operation>>; security?: unknown };
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
      const answer = await app.fetch(new Request(`http://localhost${path}`, { method: method.toUpperCase(), body }));
      const required = requestBody?.content['application/json'].schema.required ?? [];
      expect(answer.status, path).toBe(required.length > 0 ? 400 : 200);
    }
  }
});

it('has every field that is checked, with what it is for and its default', () => {
  const schema = (path: string) => document.paths[path].post.requestBody!.content['application/json'].schema;
  const { properties, required } = schema('/v1/embeddings');
  expect(required).toEqual(['input']);
  expect(properties).toMatchObject({
    input: { anyOf: expect.any(Array) },
    encoding_format: { type: 'string', enum: ['float', 'base64'], default: 'float' },
    dimensions: { type: 'integer', minimum: 1, maximum: 65536 },
    truncation_direction: { enum: ['left', 'right'], default: 'right' },
    embd_normalize: { type: 'integer' },
    model: { type: 'string' },
  });
  for (const path of ['/v1/embeddings', '/rerank', '/tokenize', '/detokenize']) {
    expect(schema(path).type).toBe('object');
    for (const [name, { description }] of Object.entries(schema(path).properties)) {
      expect(description, `${path} ${name}`).toMatch(/\w/);
    }
  }
  expect(schema('/rerank').required).toEqual(['query']);
});

it('moves with the prefix and tells of keys', async () => {
  const guarded = createApp(embedder, { prefix: '/x', apiKeys: ['k'] });
  const answer = await guarded.fetch(
    new Request('http://localhost/x/openapi.json', { headers: { authorization: 'Bearer k' } }),
  );
  const moved = await answer.json();
  expect(Object.keys(moved.paths).every((path) => path.startsWith('/x/'))).toBe(true);
  expect(moved.security).toEqual([{ key: [] }]);
});

/** Whether a value is as described, with no key that is not. */
function isDescribed(value: unknown, schema: Described): boolean {
  const { type, anyOf, items, properties, required = [], enum: values } = schema;
  if (schema.$ref) return isDescribed(value, (document as unknown as Components).components.schemas.Error);
  if (anyOf) return anyOf.some((one) => isDescribed(value, one));
  if (values && !values.includes(value)) return false;
  if (type === 'array') return Array.isArray(value) && value.every((item) => isDescribed(item, items!));
  if (type === 'integer') return Number.isInteger(value);
  if (type !== 'object') return typeof value === type;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (properties === undefined) return true;
  return (
    required.every((name) => name in value) &&
    Object.entries(value).every(([name, field]) => name in properties && isDescribed(field, properties[name]))
  );
}
interface Components {
  components: { schemas: { Error: Described } };
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
  expect(isDescribed(json, schema)).toBe(true);
  const withMore = (value: unknown) => ({ ...(value as object), more: 1 });
  expect(isDescribed(Array.isArray(json) ? json.map(withMore) : withMore(json), schema)).toBe(false);
});
