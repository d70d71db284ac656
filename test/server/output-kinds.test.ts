/**
 * @file `output` of /v1/embeddings and TEI's /embed_sparse: the library's numbers, also of bodies that are handled in a worker.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { Embedder } from '../../src/engine/index.ts';
import { convertVector } from '../../src/engine/outputs/output-dtypes.ts';
import { type App, createApp } from '../../src/server/index.ts';
import { packOutputs, unpackOutputs } from '../../src/server/large/packed-outputs.ts';
import { unpackCheckout } from '../convert/support.ts';
import { fixture } from './http-fixture.ts';

const texts = ['a text', 'What is a panda?'];
const folders: string[] = [];
let all: Embedder;
let sparse: Embedder;
let dense: Embedder;
async function load(name: string): Promise<Embedder> {
  const folder = unpackCheckout(name);
  folders.push(dirname(folder));
  const file = join(dirname(folder), 'model.gguf');
  await convertFolder(folder, file, 'F32');
  return Embedder.load(file, { backend: 'reference', worker: false });
}
beforeAll(async () => {
  all = await load('bge-m3');
  sparse = await load('sparse-router');
  dense = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(async () => {
  await Promise.all([all?.dispose(), sparse?.dispose(), dense?.dispose()]);
  for (const folder of folders) rmSync(folder, { recursive: true });
});

async function ask(app: App, path: string, body: unknown) {
  const answer = await app.fetch(
    new Request(`http://localhost${path}`, { method: 'POST', body: JSON.stringify(body) }),
  );
  return { status: answer.status, json: await answer.json() };
}
const rounded = (values: readonly number[]) => Float32Array.from(values);

describe('/v1/embeddings', () => {
  it('gives all outputs of a model', async () => {
    const expected = await all.embed(texts, { output: ['dense', 'sparse', 'multi'] });
    const { status, json } = await ask(createApp(all, { cacheSize: 10 }), '/v1/embeddings', {
      input: texts,
      output: ['dense', 'sparse', 'multi'],
    });
    expect(status).toBe(200);
    for (const [i, item] of json.data.entries()) {
      expect(rounded(item.embedding)).toEqual(expected.vectors[i]);
      expect(item.sparse.indices).toEqual([...expected.sparse![i].indices]);
      expect(rounded(item.sparse.values)).toEqual(expected.sparse![i].values);
      expect(rounded(item.multi.flat())).toEqual(expected.multi![i].values);
      expect(item.multi.every((row: number[]) => row.length === expected.multi![i].dimensions)).toBe(true);
      expect(item).toMatchObject({ index: i, object: 'embedding' });
    }
    expect(json.usage.prompt_tokens).toBe(expected.nTokens[0] + expected.nTokens[1]);
  });

  it('gives one, with other types of values', async () => {
    const { multi } = await all.embed('a text', { output: ['multi'] });
    const { json } = await ask(createApp(all), '/v1/embeddings', {
      input: 'a text',
      output: 'multi',
      output_dtype: 'int8',
    });
    expect(Object.keys(json.data[0])).toEqual(['multi', 'index', 'object']);
    const row = multi![0].values.subarray(0, multi![0].dimensions);
    expect(json.data[0].multi[0]).toEqual([...convertVector(row, 'int8')]);
    const base64 = await ask(createApp(all), '/v1/embeddings', {
      input: 'a text',
      output: 'multi',
      encoding_format: 'base64',
    });
    const bytes = Buffer.from(base64.json.data[0].multi[0], 'base64');
    expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(row);
  });

  it.each(['input_type', 'prompt_name'])('looks up the weights of a query by %s', async (field) => {
    const expected = await sparse.embed(texts, { output: ['sparse'], inputType: 'query' });
    const other = await sparse.embed(texts, { output: ['sparse'] });
    expect(expected.sparse![0].indices).not.toEqual(other.sparse![0].indices);
    const { json } = await ask(createApp(sparse), '/v1/embeddings', {
      input: texts,
      output: 'sparse',
      [field]: 'query',
    });
    expect(json.data.map((item: { sparse: { indices: number[] } }) => item.sparse.indices)).toEqual(
      expected.sparse!.map(({ indices }) => [...indices]),
    );
  });

  it.each(['classification', 'clustering', 'image'])("takes Cohere's %s, which is neither side", async (type) => {
    const plain = await ask(createApp(sparse), '/v1/embeddings', { input: texts, output: 'sparse' });
    const typed = await ask(createApp(sparse), '/v1/embeddings', { input: texts, output: 'sparse', input_type: type });
    expect(typed).toEqual(plain);
    expect(typed.status).toBe(200);
  });

  it.each([
    [{ output: [] }, '"output" must be a list of dense, sparse, multi'],
    [{ output: ['colbert'] }, '"output" must be a list of dense, sparse, multi'],
    [{ output: 5 }, '"output" must be a list of dense, sparse, multi'],
    [{ output: 'sparse', input_type: 'question' }, '"input_type" must be one of query, search_query, document'],
  ])('refuses %j', async (fields, message) => {
    const { status, json } = await ask(createApp(all), '/v1/embeddings', { input: 'a', ...fields });
    expect(status).toBe(400);
    expect(json.error.message).toContain(message);
  });

  it('refuses what a model does not have, and names what it has', async () => {
    const refused = await ask(createApp(dense), '/v1/embeddings', { input: 'a', output: ['sparse'] });
    expect(refused).toMatchObject({
      status: 400,
      json: { error: { message: expect.stringContaining('it has dense') } },
    });
    const hint = await ask(createApp(sparse), '/v1/embeddings', { input: 'a' });
    expect(hint.status).toBe(400);
    expect(hint.json.error.message).toContain('or ask for "output": ["sparse"]');
  });
});

describe('/embed_sparse', () => {
  it('answers as text-embeddings-inference does', async () => {
    const expected = await all.embed(texts, { output: ['sparse'] });
    const { status, json } = await ask(createApp(all), '/embed_sparse', { inputs: texts });
    expect(status).toBe(200);
    expect(json).toEqual(
      expected.sparse!.map(({ indices, values }) =>
        Array.from(indices, (index, i) => ({ index, value: expect.closeTo(values[i], 6) })),
      ),
    );
    const one = await ask(createApp(all), '/embed_sparse', { inputs: texts[0], truncate: true });
    expect(one.json).toEqual([json[0]]);
  });

  it('is refused for a model without sparse vectors, in the form of that API', async () => {
    const { status, json } = await ask(createApp(dense), '/embed_sparse', { inputs: 'a' });
    expect(status).toBe(501);
    expect(json).toMatchObject({ error: expect.stringContaining('has no sparse vectors'), error_type: 'Backend' });
    expect((await ask(createApp(all), '/embed_sparse', {})).status).toBe(400);
  });
});

it('all kinds of vectors survive the way to the worker of large requests', async () => {
  for (const output of [['dense', 'sparse', 'multi'], ['sparse'], ['multi']] as const) {
    const result = await all.embed([...texts, ''], { output });
    const packed = [0, 1, 2].map((i) => packOutputs(result, i));
    const { vectors, sparse, multi } = result;
    expect(unpackOutputs(packed, output)).toEqual({ vectors, ...(sparse && { sparse }), ...(multi && { multi }) });
  }
});

describe('a model with layers for each side of a search', () => {
  let sides: Embedder;
  beforeAll(async () => {
    sides = await load('bert-router');
  });
  afterAll(() => sides?.dispose());

  it('answers by prompt_name, input_type and the default prompt, and keeps the sides apart in its cache', async () => {
    const [query] = (await sides.embed('a text', { inputType: 'query' })).vectors;
    const [document] = (await sides.embed('a text')).vectors;
    expect(query).not.toEqual(document);
    const app = createApp(sides, { cacheSize: 10 });
    const vector = async (server: App, body: object) => {
      const { status, json } = await ask(server, '/v1/embeddings', { input: 'a text', ...body });
      expect(status).toBe(200);
      return rounded(json.data[0].embedding);
    };
    for (let round = 0; round < 2; round++) {
      expect(await vector(app, { prompt_name: 'query' })).toEqual(query);
      expect(await vector(app, { input_type: 'query' })).toEqual(query);
      expect(await vector(app, {})).toEqual(document);
      expect(await vector(app, { prompt_name: 'document' })).toEqual(document);
    }
    expect(await vector(createApp(sides, { defaultPromptName: 'query' }), {})).toEqual(query);
    const long = 'word '.repeat(20_000);
    const cut = { input: long, truncate: true };
    const [expected] = (await sides.embed(long, { truncate: true, inputType: 'query' })).vectors;
    expect(await vector(app, { ...cut, input_type: 'query' })).toEqual(expected);
  });

  it('says how many values its vectors have', async () => {
    expect(sides.info.nEmbd).toBe(32);
    const answer = await createApp(sides).fetch(new Request('http://localhost/v1/models'));
    expect((await answer.json()).data[0].meta.n_embd).toBe(16);
  });
});

it('pooling leaves prompts out of vectors that the cache keeps apart', async () => {
  const folder = unpackCheckout('bert-modules');
  folders.push(dirname(folder));
  const file = join(dirname(folder), 'model.gguf');
  const path = join(folder, '1_Pooling/config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), include_prompt: false }));
  await convertFolder(folder, file, 'F32');
  const embedder = await Embedder.load(file, { backend: 'reference', worker: false, prompts: { query: 'query: ' } });
  const [expected] = (await embedder.embed('a text', { promptName: 'query' })).vectors;
  const [other] = (await embedder.embed('query: a text')).vectors;
  expect(expected).not.toEqual(other);
  const app = createApp(embedder, { cacheSize: 10 });
  for (let round = 0; round < 2; round++) {
    const { json } = await ask(app, '/v1/embeddings', { input: 'a text', prompt_name: 'query' });
    expect(rounded(json.data[0].embedding)).toEqual(expected);
    const plain = await ask(app, '/v1/embeddings', { input: 'query: a text' });
    expect(rounded(plain.json.data[0].embedding)).toEqual(other);
  }
  await embedder.dispose();
});
