/** @file Options of a request that llama-server does not have: truncation, prompts, types and lengths of vectors. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type AppOptions, createApp, type Engine } from '../../src/server/index.ts';
import { embeddings, long, post, refusal } from './fetch-app.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());
const app = (options?: AppOptions, engine: Engine | Promise<Engine> = embedder) => createApp(engine, options);

describe('truncate', () => {
  it('refuses what is too long without it', async () => {
    expect(await refusal(app(), { input: long })).toMatchObject({
      status: 400,
      type: 'exceed_context_size_error',
      n_ctx: 512,
    });
  });

  it('cuts at the side asked for and says so', async () => {
    const ids = embedder.tokenize(`first ${long}last`);
    const right = [...ids.slice(0, 511), ids.at(-1)!];
    const left = [ids[0], ...ids.slice(-511)];
    const text = `first ${long}last`;
    const [cut, whole] = await embeddings(app(), { input: [text, 'short'], truncate: true });
    expect(cut.truncated).toBe(true);
    expect(whole).not.toHaveProperty('truncated');
    const [expected] = await embeddings(app(), { input: right });
    expect(cut.embedding).toEqual(expected.embedding);
    const [other] = await embeddings(app(), { input: text, truncate: true, truncation_direction: 'Left' });
    expect(other.embedding).toEqual((await embeddings(app(), { input: left }))[0].embedding);
  });

  it('wants a boolean and a side', async () => {
    expect(await refusal(app(), { input: 'a', truncate: 'yes' })).toMatchObject({ status: 400 });
    expect(await refusal(app(), { input: 'a', truncation_direction: 'middle' })).toMatchObject({ status: 400 });
  });
});

describe('prompt_name', () => {
  const prompts = { query: 'query: ', document: 'passage: ' };

  it('puts the text of the prompt before texts, not before ids', async () => {
    const served = app({ prompts });
    const plain = await embeddings(served, { input: ['query: panda', [101, 102]] });
    const named = await embeddings(served, { input: ['panda', [101, 102]], prompt_name: 'query' });
    expect(named).toEqual(plain);
  });

  it('has a default that a request can put off', async () => {
    const served = app({ prompts, defaultPromptName: 'document' });
    const [plain] = await embeddings(app(), { input: 'passage: panda' });
    expect((await embeddings(served, { input: 'panda' }))[0]).toEqual(plain);
    expect((await embeddings(served, { input: 'passage: panda', prompt_name: '' }))[0]).toEqual(plain);
  });

  it('lists the known prompts when the requested one is unknown', async () => {
    expect((await refusal(app({ prompts }), { input: 'a', prompt_name: 'toString' })).message).toContain(
      'known: query, document',
    );
    expect((await refusal(app({ prompts }), { input: 'a', prompt_name: 5 })).status).toBe(400);
  });
});

describe('output_dtype', () => {
  it('gives integers that keep the angle', async () => {
    const [float] = await embeddings(app(), { input: 'hello' });
    const [int8] = await embeddings(app(), { input: 'hello', output_dtype: 'int8' });
    expect(Math.max(...int8.embedding.map(Math.abs))).toBe(127);
    const dot = float.embedding.reduce((sum, x, i) => sum + x * int8.embedding[i], 0);
    expect(dot / Math.hypot(...float.embedding) / Math.hypot(...int8.embedding)).toBeGreaterThan(0.9999);
    const [uint8] = await embeddings(app(), { input: 'hello', output_dtype: 'uint8' });
    expect(uint8.embedding).toEqual(int8.embedding.map((x) => x + 128));
  });

  it('gives bits, highest first', async () => {
    const [float] = await embeddings(app(), { input: 'hello', dimensions: 12 });
    const [ubinary] = await embeddings(app(), { input: 'hello', dimensions: 12, output_dtype: 'ubinary' });
    const bits = ubinary.embedding.map((byte) => byte.toString(2).padStart(8, '0')).join('');
    expect(bits).toBe(`${float.embedding.map((x) => (x > 0 ? 1 : 0)).join('')}0000`);
    const [binary] = await embeddings(app(), { input: 'hello', dimensions: 12, output_dtype: 'binary' });
    expect(binary.embedding).toEqual(ubinary.embedding.map((byte) => byte - 128));
  });

  it('works as base64 and in the native format', async () => {
    const [numbers] = await embeddings(app(), { input: 'hello', output_dtype: 'int8' });
    const [text] = await embeddings(app(), { input: 'hello', output_dtype: 'int8', encoding_format: 'base64' });
    const bytes = Buffer.from(text.embedding as unknown as string, 'base64');
    expect(Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length))).toEqual(numbers.embedding);
    const native = await (await post(app(), '/embedding', { content: 'hello', output_dtype: 'int8' })).json();
    expect(native[0].embedding).toEqual([numbers.embedding]);
    expect((await refusal(app(), { input: 'a', output_dtype: 'int4' })).message).toContain('int8, uint8');
  });
});

describe('dimensions', () => {
  it('cuts or fills up, in both formats', async () => {
    const [wide] = await embeddings(app(), { input: 'hello', dimensions: 70 });
    expect(wide.embedding.slice(64)).toEqual([0, 0, 0, 0, 0, 0]);
    const native = await (await post(app(), '/embedding', { content: 'hello', dimensions: 3 })).json();
    expect(native[0].embedding[0]).toHaveLength(3);
    expect(await embeddings(app(), { input: 'hello', dimensions: null })).toEqual(
      await embeddings(app(), { input: 'hello' }),
    );
  });

  it.each([0, -1, 1.5, 'x', 65537])('refuses %j', async (dimensions) => {
    expect(await refusal(app(), { input: 'a', dimensions })).toMatchObject({
      status: 400,
      message: '"dimensions" must be an integer from 1 to 65536',
    });
  });
});
