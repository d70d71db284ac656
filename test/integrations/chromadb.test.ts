/**
 * @file `gguf-embed/chromadb` under Chroma's client, against a server that keeps collections in memory.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as bodyText } from 'node:stream/consumers';
import { ChromaClient } from 'chromadb';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { GgufEmbeddingFunction } from '../../src/integrations/chromadb.ts';
import { embedderPath, loadModels, prompts, query, texts, vectorsOf } from './models.ts';

interface Stored {
  readonly id: string;
  readonly name: string;
  configuration_json: object;
  readonly records: { id: string; embedding: number[]; document: string }[];
}

let models: Awaited<ReturnType<typeof loadModels>>;
let server: Server;
let client: ChromaClient;
const collections = new Map<string, Stored>();
const queries: number[][] = [];

/** The few routes of Chroma's API that these tests use. Distances are squared Euclidean ones. */
function answer(method: string, path: string, body: Record<string, unknown>): unknown {
  const [, , rest = ''] = /^\/api\/v2(\/tenants\/[^/]+\/databases\/[^/]+)?(.*)$/.exec(path) ?? [];
  if (rest === '/pre-flight-checks') return { max_batch_size: 1000, supports_base64_encoding: false };
  if (rest === '/auth/identity') return { tenant: 'default_tenant', databases: ['default_database'], user_id: '' };
  if (method === 'POST' && rest === '/collections') {
    const { name, configuration } = body as { name: string; configuration?: object };
    const stored = { id: `00000000-0000-4000-8000-00000000000${collections.size}`, name, records: [] };
    collections.set(name, { ...stored, configuration_json: configuration ?? {} });
    return collections.get(name);
  }
  const [, key = '', action] = /^\/collections\/([^/]+)(?:\/(\w+))?$/.exec(rest) ?? [];
  const found = collections.get(key) ?? [...collections.values()].find(({ id }) => id === key);
  if (found === undefined) throw new Error(`no route ${method} ${path}`);
  if (action === undefined) return found;
  if (action === 'add') {
    const { ids, embeddings, documents } = body as { ids: string[]; embeddings: number[][]; documents: string[] };
    for (const [i, id] of ids.entries()) found.records.push({ id, embedding: embeddings[i], document: documents[i] });
    return {};
  }
  const [vector] = (body as Record<'query_embeddings', number[][]>).query_embeddings;
  queries.push(vector);
  const distance = ({ embedding }: Stored['records'][0]) =>
    embedding.reduce((sum, x, i) => sum + (x - vector[i]) ** 2, 0);
  const nearest = found.records.toSorted((a, b) => distance(a) - distance(b));
  return {
    ids: [nearest.map(({ id }) => id)],
    documents: [nearest.map(({ document }) => document)],
    distances: [nearest.map(distance)],
    metadatas: null,
    embeddings: null,
    uris: null,
    include: ['documents', 'distances'],
  };
}

beforeAll(async () => {
  models = await loadModels();
  server = createServer(async (request, response) => {
    const body = await bodyText(request);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer(request.method!, request.url!, body === '' ? {} : JSON.parse(body))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = new ChromaClient({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ssl: false });
});
afterEach(() => collections.clear());
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await models?.dispose();
});

it('embeds what a collection holds, and what it is asked, each with its prompt', async () => {
  const embeddingFunction = new GgufEmbeddingFunction({ model: models.embedder, prompts });
  const collection = await client.createCollection({ name: 'texts', embeddingFunction });
  await collection.add({ ids: ['a', 'b', 'c'], documents: texts });
  const stored = collections.get('texts')!.records.map(({ embedding }) => embedding);
  expect(stored).toEqual(await vectorsOf(models.embedder, texts, prompts.document));
  const { documents } = await collection.query({ queryTexts: [query] });
  expect([queries.at(-1)]).toEqual(await vectorsOf(models.embedder, [query], prompts.query));
  expect(documents[0].toSorted()).toEqual(texts.toSorted());
});

it('is made again from what the server keeps, with the same vectors', async () => {
  const options = { model: embedderPath, dimensions: 8, prompts, load: { threads: 1, nCtx: 64 } };
  const embeddingFunction = new GgufEmbeddingFunction(options);
  await client.createCollection({ name: 'again', embeddingFunction });
  const kept = { model: embedderPath, dimensions: 8, prompts, load: { nCtx: 64 } };
  expect(collections.get('again')!.configuration_json).toEqual({
    hnsw: { space: 'cosine' },
    embedding_function: { type: 'known', name: 'gguf-embed', config: kept },
  });
  const collection = await client.getCollection({ name: 'again' });
  await collection.add({ ids: ['a'], documents: ['hello'] });
  const [{ embedding }] = collections.get('again')!.records;
  expect([embedding]).toEqual(await embeddingFunction.generate(['hello']));
  expect(embedding).toHaveLength(8);
  await embeddingFunction.dispose();
  await expect(embeddingFunction.generate(['hello'])).rejects.toThrow('disposed');
});

it('is the caller’s to give again where a configuration could not describe it', async () => {
  for (const options of [
    { model: models.embedder },
    { model: embedderPath, load: { overrides: { 'general.name': 'x' } } },
  ]) {
    expect(new GgufEmbeddingFunction(options).getConfig).toBe(undefined);
  }
  await client.createCollection({
    name: 'given',
    embeddingFunction: new GgufEmbeddingFunction({ model: models.embedder }),
  });
  expect(collections.get('given')!.configuration_json).toMatchObject({ embedding_function: { type: 'legacy' } });
});

it('refuses another function for vectors that are there', () => {
  const embeddingFunction = new GgufEmbeddingFunction({ model: embedderPath, dimensions: 8 });
  const config = embeddingFunction.getConfig!();
  expect(() => embeddingFunction.validateConfigUpdate({ ...config })).not.toThrow();
  const changed = { ...config, dimensions: 16, model: 'other.gguf' };
  expect(() => embeddingFunction.validateConfigUpdate(changed)).toThrow('another model, dimensions');
  expect(() => GgufEmbeddingFunction.buildFromConfig({ ...config, dimension: 3 })).toThrow('did you mean dimensions?');
});

it('stops at a signal', async () => {
  const signal = AbortSignal.abort(new Error('no longer wanted'));
  await expect(new GgufEmbeddingFunction({ model: models.embedder, signal }).generate(['a'])).rejects.toThrow(
    'no longer',
  );
});
