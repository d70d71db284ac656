/**
 * @file What the server has beyond llama-server, and what is configured.
 */
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, type AppOptions, createApp, type Engine } from '../../src/server/index.ts';
import { delayed } from './delayed-engine.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());

const post = (app: App, path: string, body: unknown, init: RequestInit = {}) =>
  app.fetch(new Request(`http://localhost${path}`, { method: 'POST', body: JSON.stringify(body), ...init }));
const get = (app: App, path: string, headers: Record<string, string> = {}) =>
  app.fetch(new Request(`http://localhost${path}`, { headers }));
const app = (options?: AppOptions, engine: Engine | Promise<Engine> = embedder) => createApp(engine, options);
const long = 'word '.repeat(2000);

async function embeddings(served: App, body: object): Promise<{ embedding: number[]; truncated?: boolean }[]> {
  const answer = await post(served, '/v1/embeddings', body);
  const json = await answer.json();
  expect(answer.status, JSON.stringify(json)).toBe(200);
  return json.data;
}

const refusal = async (served: App, body: object, path = '/v1/embeddings') => {
  const answer = await post(served, path, body);
  return { status: answer.status, ...(await answer.json()).error };
};

it('a server whose model can no longer compute is not healthy', async () => {
  const answer = await get(
    app({}, { ...delayed(embedder), failure: new Error('a worker died; load the model again') }),
    '/health',
  );
  expect(answer.status).toBe(503);
  expect((await answer.json()).error).toMatchObject({
    type: 'unavailable_error',
    message: 'a worker died; load the model again',
  });
});

describe('while the model loads', () => {
  it('everything is 503, and answered afterwards', async () => {
    let arrive: (engine: Engine) => void = () => {};
    const served = app({ apiKeys: ['k'] }, new Promise<Engine>((resolve) => (arrive = resolve)));
    for (const path of ['/health', '/v1/models', '/nowhere']) {
      const answer = await get(served, path);
      expect(answer.status).toBe(503);
      expect(await answer.text()).toBe('{"error":{"message":"Loading model","type":"unavailable_error","code":503}}');
    }
    const preflight = await served.fetch(new Request('http://localhost/health', { method: 'OPTIONS' }));
    expect(preflight.status).toBe(200);
    arrive(embedder);
    await Promise.resolve();
    expect((await get(served, '/health')).status).toBe(200);
    expect((await get(served, '/nowhere')).status).toBe(401);
  });
});

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

describe('the vector cache', () => {
  it('answers the second time without computing, to the bit, and counts', async () => {
    const held = delayed(embedder);
    held.release();
    const served = app({ cacheSize: 3, metrics: true }, held);
    const first = await post(served, '/v1/embeddings', { input: ['a', 'b', long], truncate: true });
    const again = await post(served, '/v1/embeddings', { input: ['a', 'b'] });
    expect(held.nCalls).toBe(1);
    expect((await again.json()).data).toEqual((await first.json()).data.slice(0, 2));
    expect((await post(served, '/v1/embeddings', { input: 'a', dimensions: 4 })).status).toBe(200);
    expect(held.nCalls).toBe(2);
    const text = await (await get(served, '/metrics')).text();
    expect(text).toContain('gguf_embed_cache_hits_total 2\n');
    expect(text).toContain('gguf_embed_cache_misses_total 4\n');
    expect(text).toContain('gguf_embed_cache_entries 3\n');
  });

  it('forgets what was not used for longest, and still counts usage', async () => {
    const held = delayed(embedder);
    held.release();
    const served = app({ cacheSize: 2 }, held);
    for (const input of ['a', 'b', 'a', 'c']) await post(served, '/v1/embeddings', { input });
    expect(held.nCalls).toBe(3);
    const kept = await (await post(served, '/v1/embeddings', { input: 'a' })).json();
    expect(kept.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    expect(held.nCalls).toBe(3);
    await post(served, '/v1/embeddings', { input: 'b' });
    expect(held.nCalls).toBe(4);
  });

  it('refuses with it what it refuses without', async () => {
    const served = app({ cacheSize: 2 });
    for (const input of [[999999], [[]], long, [1, -1]]) {
      expect(await refusal(served, { input })).toEqual(await refusal(app(), { input }));
    }
  });
});

describe('overload', () => {
  it('turns away what is over --max-queue with 503 and Retry-After, and nobody else', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueue: 2, metrics: true }, held);
    const accepted = [1, 2].map((i) => post(served, '/v1/embeddings', { input: `text ${i}` }));
    await expect.poll(() => held.nCalls).toBe(2);
    const late = await post(served, '/v1/embeddings', { input: 'late' });
    expect(late.status).toBe(503);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await late.json()).error).toEqual({
      code: 503,
      message: 'The server is busy: 2 requests are waiting',
      type: 'unavailable_error',
    });
    expect((await get(served, '/health')).status).toBe(200);
    const slots = await (await get(served, '/slots')).json();
    expect(slots.map((slot: { is_processing: boolean }) => slot.is_processing)).toEqual([true, true, false, false]);
    held.release();
    for (const answer of await Promise.all(accepted)) expect(answer.status).toBe(200);
    expect((await post(served, '/v1/embeddings', { input: 'now' })).status).toBe(200);
    expect(await (await get(served, '/metrics')).text()).toContain('gguf_embed_rejected_total 1\n');
  });

  it('bounds the bytes of all bodies together', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueueBytes: 1000 }, held);
    const headers = { 'content-length': '900' };
    const body = { input: `x${' '.repeat(884)}` };
    const first = post(served, '/v1/embeddings', body, { headers });
    await expect.poll(() => held.nCalls).toBe(1);
    expect((await post(served, '/v1/embeddings', body, { headers })).status).toBe(503);
    held.release();
    expect((await first).status).toBe(200);
  });

  it('counts the bytes of bodies of unknown length as they come', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueueBytes: 1000, metrics: true }, held);
    const stream = () =>
      served.fetch(
        new Request('http://localhost/v1/embeddings', {
          method: 'POST',
          body: new Blob([JSON.stringify({ input: `x${' '.repeat(600)}` })]).stream(),
          duplex: 'half',
        } as RequestInit),
      );
    const first = stream();
    await expect.poll(() => held.nCalls).toBe(1);
    const second = await stream();
    expect(second.status).toBe(503);
    expect(second.headers.get('retry-after')).toBe('1');
    held.release();
    expect((await first).status).toBe(200);
    expect((await stream()).status).toBe(200);
    expect(await (await get(served, '/metrics')).text()).toContain('gguf_embed_rejected_total 1\n');
  });

  it('refuses answers of too many values before they are computed', async () => {
    const held = delayed(embedder);
    held.release();
    const input = Array.from({ length: 1100 }, () => [101]);
    const refused = await refusal(app({}, held), { input, dimensions: 65536 });
    expect(refused).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(refused.message).toContain('the answer would have 72089600 values, more than 67108864');
    expect(await refusal(app({ cacheSize: 9 }), { input, dimensions: 65536 })).toMatchObject({ status: 400 });
    const tokens = await Embedder.load(fixture('models/bert-mean.gguf'), {
      backend: 'reference',
      worker: false,
      pooling: 'none',
    });
    const long = { content: Array(5).fill(Array(300).fill(101)), dimensions: 65536 };
    for (const options of [{}, { cacheSize: 9 }]) {
      expect((await refusal(app(options, tokens), long, '/embedding')).message).toContain('98304000 values');
    }
    await tokens.dispose();
  });

  it('bounds what all answers take together', async () => {
    const held = delayed(embedder);
    const served = app({ maxQueueBytes: 1_000_000 }, held);
    const waiting = post(served, '/v1/embeddings', { input: 'a' });
    await expect.poll(() => held.nCalls).toBe(1);
    const heavy = post(served, '/v1/embeddings', { input: 'a', dimensions: 65536 });
    await expect.poll(() => held.nCalls).toBe(2);
    held.release();
    expect((await heavy).status === 503 || (await waiting).status === 503).toBe(true);
    expect((await post(served, '/v1/embeddings', { input: 'a', dimensions: 65536 })).status).toBe(200);
  });

  it('answers 413 for a body over the limit, declared or not', async () => {
    const served = app({ bodyLimit: 100 });
    const body = JSON.stringify({ input: 'x'.repeat(200) });
    const declared = await served.fetch(
      new Request('http://localhost/v1/embeddings', { method: 'POST', body, headers: { 'content-length': '212' } }),
    );
    expect(declared.status).toBe(413);
    const streamed = await served.fetch(
      new Request('http://localhost/v1/embeddings', {
        method: 'POST',
        body: new Blob([body]).stream(),
        duplex: 'half',
      } as RequestInit),
    );
    expect(streamed.status).toBe(413);
    expect((await streamed.json()).error).toMatchObject({ code: 413, type: 'payload_too_large_error' });
  });

  it('unpacks bodies, up to the limit', async () => {
    const send = (encoding: string, body: Uint8Array<ArrayBuffer>) =>
      app({ bodyLimit: 1000 }).fetch(
        new Request('http://localhost/v1/embeddings', {
          method: 'POST',
          body,
          headers: { 'content-encoding': encoding, 'content-length': String(body.length) },
        }),
      );
    const expected = await (await post(app(), '/v1/embeddings', { input: 'hello' })).text();
    for (const [encoding, pack] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
    ] as const) {
      expect(await (await send(encoding, pack('{"input":"hello"}'))).text()).toBe(expected);
      expect((await send(encoding, pack(`{"input":"${'x'.repeat(1000)}"}`))).status).toBe(413);
      const broken = await send(encoding, new Uint8Array(30).fill(7));
      expect(broken.status).toBe(400);
      expect((await broken.json()).error.message).toContain(`the body is not valid ${encoding}`);
      expect((await send(encoding, pack('{"input":"hello"}').subarray(0, -5))).status).toBe(400);
    }
    const unknown = await send('br', new Uint8Array(3));
    expect(unknown.status).toBe(415);
    expect((await unknown.json()).error.message).toContain('use gzip, deflate or none');
  });

  it('passes on who asks, and that he went away', async () => {
    const held = delayed(embedder);
    const served = app({ metrics: true }, held);
    const leaving = new AbortController();
    const request = new Request('http://localhost/embedding', {
      method: 'POST',
      body: '{"content":"a"}',
      signal: leaving.signal,
    });
    const answer = served.fetch(request, { client: '10.0.0.1' });
    await expect.poll(() => held.nCalls).toBe(1);
    expect(held.calls[0].client).toBe('10.0.0.1');
    leaving.abort();
    held.release();
    await answer;
    expect(held.calls[0].signal?.aborted).toBe(true);
    expect(await (await get(served, '/metrics')).text()).toContain('gguf_embed_abandoned_total 1\n');
  });
});

describe('settings', () => {
  it.each(['/foo', '/foo/', 'foo'])(
    '--api-prefix %s moves every route, and the public ones with it',
    async (prefix) => {
      const served = app({ prefix, apiKeys: ['k'] });
      const headers = { authorization: 'Bearer k' };
      expect((await get(served, '/foo/health')).status).toBe(200);
      expect((await get(served, '/foo/v1/models')).status).toBe(401);
      expect((await get(served, '/foo/v1/models', headers)).status).toBe(200);
      expect((await get(served, '/foo/health', headers)).status).toBe(200);
      expect((await get(served, '/health', headers)).status).toBe(404);
    },
  );

  it.each<[AppOptions['cors'], string | undefined, string | null]>([
    [{}, 'http://a.example', 'http://a.example'],
    [{}, undefined, ''],
    [{ credentials: false }, 'http://a.example', '*'],
    [{ origins: 'localhost' }, 'http://localhost:3000', 'http://localhost:3000'],
    [{ origins: 'localhost' }, 'https://[::1]', 'https://[::1]'],
    [{ origins: 'localhost' }, 'http://localhost.example', null],
    [{ origins: 'localhost' }, 'null', null],
    [{ origins: 'http://b.example' }, 'http://a.example', 'http://b.example'],
  ])('CORS %j for %s', async (cors, origin, expected) => {
    const answer = await get(app({ cors }), '/health', origin === undefined ? {} : { origin });
    expect(answer.headers.get('access-control-allow-origin')).toBe(expected);
  });

  it('--props, --no-slots, tags, aliases', async () => {
    const served = app({ props: true, slots: false, tags: ['t'], aliases: ['zeta', 'alpha', 'zeta'], nSlots: 2 });
    expect(await (await post(served, '/props', 'not an object')).text()).toBe('{"success":true}');
    expect((await get(served, '/slots')).status).toBe(501);
    const [model] = (await (await get(served, '/v1/models')).json()).data;
    expect(model).toMatchObject({ id: 'alpha', aliases: ['alpha', 'zeta'], tags: ['t'] });
    expect((await (await get(served, '/props')).json()).total_slots).toBe(2);
    const busy = await get(app({ nSlots: 0 }), '/slots?fail_on_no_slot=1');
    expect(busy.status).toBe(503);
  });

  it('/metrics is valid text for Prometheus and counts what was computed', async () => {
    let served: App | undefined;
    const counting = await Embedder.load(fixture('models/bert-mean.gguf'), {
      backend: 'reference',
      worker: false,
      onBatch: (batch) => served?.onBatch(batch),
    });
    served = app({ metrics: true }, counting);
    await embeddings(served, { input: ['a', 'b c'] });
    await refusal(served, { input: 5 });
    const answer = await get(served, '/metrics');
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    const text = await answer.text();
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z:_]+ .+|[a-z:_]+(\{[^}]+\})? -?[\d.e+-]+)$/);
    }
    expect(text).toContain('llamacpp:prompt_tokens_total 7\n');
    expect(text).toContain('llamacpp:n_decode_total 1\n');
    expect(text).toContain('llamacpp:n_tokens_max 4\n');
    expect(text).toContain('llamacpp:n_busy_slots_per_decode 2\n');
    expect(text).toContain('gguf_embed_requests_total{route="/v1/embeddings",status="200"} 1\n');
    expect(text).toContain('gguf_embed_requests_total{route="/v1/embeddings",status="400"} 1\n');
    expect(text).toContain('gguf_embed_batch_tokens_bucket{le="8"} 1\n');
    expect(text).toContain('gguf_embed_request_seconds_count{route="/v1/embeddings"} 2\n');
    expect(await (await get(served, '/metrics')).text()).toContain('llamacpp:prompt_tokens_seconds 0\n');
    await counting.dispose();
  });
});

it('form data: text fields, repeated ones as an array', async () => {
  const form = new FormData();
  form.append('input', 'one');
  form.append('input', 'two');
  const answer = await app().fetch(new Request('http://localhost/v1/embeddings', { method: 'POST', body: form }));
  expect((await answer.json()).data).toHaveLength(2);
});

describe('values that llama-server converts', () => {
  it.each([
    [
      ['a', 5, true],
      ['a', 5, 1],
    ],
    [
      ['a', 5, 1.9],
      ['a', 5, 1],
    ],
    [{ prompt_string: [5, 1.9, false] }, [5, 1, 0]],
    [{ prompt_string: ['a', 5] }, ['a', 5]],
  ])('input %j is %j', async (input, plain) => {
    expect(await embeddings(app(), { input })).toEqual(await embeddings(app(), { input: plain }));
  });

  it.each([
    [[5, null], 'a list of mixed strings & tokens'],
    [[5, true], 'a list of mixed strings & tokens'],
    [['a', 5, null], 'type must be number, but is null'],
    [{ prompt_string: null }, 'type must be string, but is null'],
    [{ prompt_string: ['a', [5]] }, 'type must be number, but is array'],
    [[1e20], 'a list of mixed strings & tokens'],
  ])('input %j is refused: %s', async (input, message) => {
    const refused = await refusal(app(), { input });
    expect(refused.status).toBe(400);
    expect(refused.message).toContain(message);
  });

  it('token ids of /detokenize and /tokenize', async () => {
    const text = async (tokens: unknown[]) => (await post(app(), '/detokenize', { tokens })).text();
    expect(await text([true, 101.7])).toBe(await text([1, 101]));
    expect(await (await post(app(), '/tokenize', { content: [true, 'a', 5.5] })).json()).toMatchObject({
      tokens: [1, ...embedder.tokenize('a', { addSpecial: false }), 5],
    });
  });

  it('top_n, documents that are there but empty, and the outputs themselves', async () => {
    const ranker = await Embedder.load(fixture('models/bert-rank.gguf'), { backend: 'reference', worker: false });
    const served = app({}, ranker);
    const ranked = async (body: object) => (await (await post(served, '/rerank', body)).json()).results.length;
    expect(await ranked({ query: 'a', documents: ['b', 'c'], top_n: true })).toBe(1);
    expect(await ranked({ query: 'a', documents: ['b', 'c'], top_n: false })).toBe(0);
    expect(await ranked({ query: 'a', documents: ['b', 'c'], top_n: '1' })).toBe(2);
    const empty = await refusal(served, { query: 'a', documents: [], texts: ['b'] }, '/rerank');
    expect(empty.message).toBe('"documents" must be a non-empty string array');
    const [cut, whole] = await (await post(served, '/rerank', { query: 'a', texts: [long, 'b'], truncate: true }))
      .json()
      .then((results: { index: number; truncated?: boolean }[]) => results.toSorted((a, b) => a.index - b.index));
    expect(cut.truncated).toBe(true);
    expect(whole).not.toHaveProperty('truncated');
    const scoreOf = async (fields: object) =>
      (await (await post(served, '/v1/embeddings', { input: 'a', ...fields })).json()).data[0].embedding;
    const { vectors } = await ranker.embed('a');
    expect(Float32Array.from(await scoreOf({}))).toEqual(vectors[0]);
    expect(await scoreOf({ embd_normalize: 2 })).toEqual([Math.sign(vectors[0][0])]);
    await ranker.dispose();
  });
});
