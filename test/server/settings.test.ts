/** @file Settings of the server, its state while the model loads and after a failure, and values that llama-server converts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, type AppOptions, createApp, type Engine } from '../../src/server/index.ts';
import { delayed } from './delayed-engine.ts';
import { embeddings, get, long, post, refusal } from './fetch-app.ts';
import { fixture } from './http-fixture.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());
const app = (options?: AppOptions, engine: Engine | Promise<Engine> = embedder) => createApp(engine, options);

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
