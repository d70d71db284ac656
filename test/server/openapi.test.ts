import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, createApp } from '../../src/server/index.ts';
import { fixture } from './http-fixture.ts';

interface Operation {
  requestBody?: { content: Record<string, { schema: Schema }> };
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
