/**
 * @file Several models behind one port: choosing, loading, unloading, and llama-server's answers about them.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import {
  createApp,
  createRouter,
  type Router,
  type RouterOptions,
  type ServedModel,
} from '../../../src/server/index.ts';
import { fixture } from '../http-fixture.ts';
import { servedModel } from '../served-model.ts';

const load = (file: string) => Embedder.load(fixture(`models/${file}.gguf`), { backend: 'reference', worker: false });

interface TestModel extends ServedModel {
  nLoads: number;
  nDisposed: number;
}

/** A model of the fixtures; `wait` delays its loading, `fails` makes the first loads fail. */
function served(
  id: string,
  file = 'bert-mean',
  more: { bytes?: number; wait?: Promise<void>; fails?: number } & Partial<ServedModel> = {},
) {
  const { bytes = 100, wait, fails = 0, ...others } = more;
  const open = async () => {
    model.nLoads++;
    await wait;
    if (model.nLoads <= fails) throw new Error('no such file');
    const embedder = await load(file);
    const dispose = embedder.dispose.bind(embedder);
    embedder.dispose = async () => {
      model.nDisposed++;
      await dispose();
    };
    return embedder;
  };
  const model: TestModel = {
    ...servedModel(id, open),
    nLoads: 0,
    nDisposed: 0,
    kind: async () => (file === 'bert-rank' ? 'rank' : 'embedding'),
    size: async () => bytes,
    ...others,
  };
  return model;
}

const routers: Router[] = [];
afterEach(() => Promise.all(routers.splice(0).map((router) => router.close())));

const limits = { maxModels: 4, maxModelBytes: 0, sleepAfter: 0, autoload: true };

function router(models: ServedModel[], options: Partial<RouterOptions> = {}): Router {
  const made = createRouter(models, { ...limits, ...options });
  routers.push(made);
  return made;
}

async function ask(to: Pick<Router, 'fetch'>, path: string, body?: unknown, init: RequestInit = {}) {
  const post =
    body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) };
  const answer = await to.fetch(new Request(`http://localhost${path}`, { ...post, ...init }));
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined,
  };
}

const embed = (to: Router, model?: unknown, more: object = {}) =>
  ask(to, '/v1/embeddings', { input: 'a text', model, ...more });
const statuses = async (to: Router) =>
  Object.fromEntries(
    (await ask(to, '/models')).json.data.map((one: { id: string; status: { value: string } }) => [
      one.id,
      one.status.value,
    ]),
  );

describe('the field model', () => {
  const models = () => [served('embedder', 'bert-mean', { aliases: ['e'] }), served('ranker', 'bert-rank')];

  it('chooses by name and alias, and the answer has the name as asked', async () => {
    const app = router(models());
    const alone = await load('bert-mean');
    const expected = await ask(createApp(alone), '/v1/embeddings', { input: 'a text', model: 'e' });
    const answer = await embed(app, 'e');
    expect(answer.text).toBe(expected.text);
    expect([...answer.headers]).toEqual([...expected.headers]);
    expect((await embed(app, 'embedder')).json.model).toBe('embedder');
    expect((await ask(app, '/rerank', { query: 'q', documents: ['a'], model: 'ranker' })).json.model).toBe('ranker');
    await alone.dispose();
  });

  it.each([undefined, '', null, 5])('%j: the only model that fits answers, under its own name', async (model) => {
    const app = router(models());
    expect((await embed(app, model)).json.model).toBe(typeof model === 'string' ? '' : 'embedder');
    expect((await ask(app, '/rerank', { query: 'q', documents: ['a'], model })).status).toBe(200);
    expect((await ask(app, '/v2/rerank', { query: 'q', documents: ['a'], model })).status).toBe(200);
    expect((await ask(app, '/embed', { inputs: 'a text' })).status).toBe(200);
    const { status, json } = await ask(app, '/tokenize', { content: 'a', model });
    expect([status, json.error.type]).toEqual([400, 'invalid_request_error']);
    expect(json.error.message).toBe('model name is missing from the request: this server has embedder, ranker');
  });

  it('must be given where two models fit', async () => {
    const { status, json } = await embed(router([served('a'), served('b')]));
    expect([status, json.error.message]).toEqual([400, 'model name is missing from the request: this server has a, b']);
  });

  it.each(['nobody', 'EMBEDDER', 'embedder ', '__proto__'])(
    '%j is refused, and the message lists what there is',
    async (model) => {
      const { status, json } = await embed(router(models()), model);
      expect([status, json.error]).toEqual([
        400,
        {
          code: 400,
          type: 'invalid_request_error',
          message: `model '${model}' not found: this server has embedder, ranker`,
        },
      ]);
    },
  );

  it('is refused in the form of each API', async () => {
    const app = router(models());
    expect((await ask(app, '/api/embed', { model: 'x', input: 'a' })).json.error).toMatch(/^model 'x' not found/);
    expect((await ask(app, '/v2/rerank', { model: 'x', query: 'a', documents: ['b'] })).json.message).toMatch(
      /^model 'x'/,
    );
  });

  it.each([
    (model: string, padding: string) => ({ padding, model }),
    (model: string, padding: string) => ({ model, padding }),
    (model: string, padding: string) => ({ other: { model: 'nobody', x: ['model', padding] }, model }),
    (model: string, padding: string) => ({ model: 5, padding, 'mo"del': '"model":"nobody"', y: '\\', model2: model }),
  ])('is found in a large body: %s', async (fields) => {
    const app = router([served('a'), served('b')]);
    const body = { input: 'a text', ...fields('b', '"model": "nobody", \\"'.repeat(20_000)) };
    const { status, json } = await ask(app, '/v1/embeddings', JSON.stringify(body));
    if (body.model === 'b') expect([status, json.model]).toEqual([200, 'b']);
    else
      expect([status, json.error.message]).toEqual([
        400,
        'model name is missing from the request: this server has a, b',
      ]);
  });

  it('comes from the query of GET requests', async () => {
    const app = router(models());
    expect((await ask(app, '/props?model=ranker')).json.model_alias).toBe('ranker');
    expect((await ask(app, '/props')).json).toMatchObject({ role: 'router', max_instances: 4, models_autoload: true });
    expect((await ask(app, '/slots')).status).toBe(400);
    expect((await ask(app, '/slots?model=e')).json).toHaveLength(4);
  });

  it('conflicting names are refused at the start', () => {
    expect(() => router([served('a'), served('b', 'bert-mean', { aliases: ['a'] })])).toThrow(
      "model name 'a' conflicts with alias of model 'b'",
    );
  });
});

describe('loading', () => {
  it('happens at the first use, once for all that wait', async () => {
    const [a, b] = [served('a'), served('b')];
    const app = router([a, b]);
    expect(await statuses(app)).toEqual({ a: 'unloaded', b: 'unloaded' });
    const answers = await Promise.all([embed(app, 'a'), embed(app, 'a'), embed(app, 'a')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([a.nLoads, b.nLoads]).toEqual([1, 0]);
    expect(await statuses(app)).toEqual({ a: 'loaded', b: 'unloaded' });
  });

  it('unloads the model that was not used for longest', async () => {
    const models = ['a', 'b', 'c'].map((id) => served(id));
    const app = router(models, { maxModels: 2 });
    for (const id of ['a', 'b', 'a', 'c']) expect((await embed(app, id)).status).toBe(200);
    expect(await statuses(app)).toEqual({ a: 'loaded', b: 'unloaded', c: 'loaded' });
    expect(models.map(({ nDisposed }) => nDisposed)).toEqual([0, 1, 0]);
  });

  it('does not count GET requests as uses, so that a monitor keeps no model loaded', async () => {
    const app = router(
      ['a', 'b', 'c'].map((id) => served(id)),
      { maxModels: 2 },
    );
    for (const id of ['a', 'b']) expect((await embed(app, id)).status).toBe(200);
    expect((await ask(app, '/slots?model=a')).status).toBe(200);
    expect((await embed(app, 'c')).status).toBe(200);
    expect(await statuses(app)).toEqual({ a: 'unloaded', b: 'loaded', c: 'loaded' });
  });

  it('keeps within the memory of all models together', async () => {
    const app = router(
      [
        served('a', 'bert-mean', { bytes: 60 }),
        served('b', 'bert-mean', { bytes: 30 }),
        served('c', 'bert-mean', { bytes: 50 }),
        served('d', 'bert-mean', { bytes: 101 }),
      ],
      { maxModelBytes: 100 },
    );
    for (const id of ['a', 'b', 'c']) expect((await embed(app, id)).status).toBe(200);
    expect(await statuses(app)).toMatchObject({ a: 'unloaded', b: 'loaded', c: 'loaded' });
    expect((await embed(app, 'd')).json.error.message).toBe('model name=d failed to load');
  });

  it('that fails is 500, and the next request tries again', async () => {
    const errors: unknown[] = [];
    const app = router([served('a', 'bert-mean', { fails: 1 })], { onError: (error) => errors.push(error) });
    const { status, json } = await embed(app, 'a');
    expect([status, json.error]).toEqual([
      500,
      { code: 500, type: 'server_error', message: 'model name=a failed to load' },
    ]);
    expect((await ask(app, '/models')).json.data[0].status).toEqual({ value: 'unloaded', exit_code: 1, failed: true });
    expect(String(errors[0])).toContain('a: no such file');
    expect((await embed(app, 'a')).status).toBe(200);
    expect((await ask(app, '/models')).json.data[0].status).toEqual({ value: 'loaded' });
  });

  it('waits while every model is busy, and goes on when one is free', async () => {
    let release = () => {};
    const wait = new Promise<void>((resolve) => {
      release = resolve;
    });
    const app = router([served('a', 'bert-mean', { wait }), served('b')], { maxModels: 1 });
    const first = embed(app, 'a');
    await expect.poll(() => statuses(app)).toEqual({ a: 'loading', b: 'unloaded' });
    expect((await ask(app, '/models/load', { model: 'b' })).json.error).toMatchObject({
      code: 500,
      message: 'model limit reached, try again later',
    });
    const gone = new AbortController();
    const left = ask(app, '/v1/embeddings', { input: 'a', model: 'b' }, { signal: gone.signal });
    const second = embed(app, 'b');
    gone.abort(new Error('the client has gone'));
    expect((await left).status).toBe(500);
    release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect(await statuses(app)).toEqual({ a: 'unloaded', b: 'loaded' });
  });

  it('after a pause without requests a model sleeps, and the next request wakes it', async () => {
    const a = served('a');
    const app = router([a], { sleepAfter: 0.02 });
    expect((await embed(app)).status).toBe(200);
    await expect.poll(() => statuses(app)).toEqual({ a: 'sleeping' });
    expect(a.nDisposed).toBe(1);
    expect((await ask(app, '/models/load', { model: 'a' })).status).toBe(400);
    expect((await embed(app)).status).toBe(200);
    expect(a.nLoads).toBe(2);
  });

  it('is refused without autoload, which a request may ask for', async () => {
    const app = router([served('a')], { autoload: false });
    expect((await embed(app, 'a')).json.error).toMatchObject({ code: 400, message: 'model is not loaded' });
    expect((await ask(app, '/v1/embeddings?autoload=true', { input: 'x', model: 'a' })).status).toBe(200);
    expect((await ask(app, '/v1/embeddings?autoload=0', { input: 'x', model: 'a' })).status).toBe(200);
  });

  it('at the start loads what is wanted then', async () => {
    const app = router([served('a', 'bert-mean', { loadOnStartup: true }), served('b')]);
    await app.loadAtStart();
    expect(await statuses(app)).toEqual({ a: 'loaded', b: 'unloaded' });
  });
});

describe('/models/load and /models/unload', () => {
  it('answer as those of llama-server', async () => {
    const app = router([served('a', 'bert-mean', { aliases: ['x'] })]);
    expect((await ask(app, '/models/load', { model: 'nobody' })).status).toBe(404);
    expect((await ask(app, '/models/load', {})).json.error).toMatchObject({ code: 404, message: 'File Not Found' });
    expect((await ask(app, '/models/unload', {})).json.error).toMatchObject({
      code: 400,
      message: 'model is not found',
    });
    expect((await ask(app, '/models/unload', { model: 'a' })).json.error.message).toBe('model is not running');
    expect((await ask(app, '/models/load', { model: 'x' })).json).toEqual({ success: true });
    expect((await ask(app, '/models/load', { model: 'a' })).json.error).toMatchObject({
      code: 400,
      message: 'model is already running',
    });
    await expect.poll(() => statuses(app)).toEqual({ a: 'loaded' });
    expect((await ask(app, '/models/unload', { model: 'a' })).json).toEqual({ success: true });
    await expect.poll(() => statuses(app)).toEqual({ a: 'unloaded' });
    expect((await ask(app, '/v1/models/load', { model: 'a' })).status).toBe(404);
  });

  it.each(['/models/load', '/models/unload'])(
    'POST %s with a body that is not JSON names the mistake',
    async (path) => {
      const { status, json } = await ask(router([served('a')]), path, '{"model": "a"');
      expect(status).toBe(400);
      expect(json.error.message).toContain('parse_error.101] parse error at line 1, column 14');
    },
  );
});

it('lists say what is loaded', async () => {
  const app = router([served('a', 'bert-mean', { aliases: ['x'], tags: ['t'] }), served('b', 'bert-rank')]);
  await embed(app, 'a');
  const { data } = (await ask(app, '/v1/models')).json;
  expect(data[0]).toMatchObject({
    id: 'a',
    aliases: ['x'],
    tags: ['t'],
    object: 'model',
    status: { value: 'loaded' },
    meta: { n_embd: 64 },
  });
  expect(data[1]).not.toHaveProperty('meta');
  expect((await ask(app, '/v1/models/x')).json.id).toBe('a');
  expect((await ask(app, '/v1/models/nobody')).status).toBe(404);
  expect((await ask(app, '/api/tags')).json.models.map(({ name }: { name: string }) => name)).toEqual(['a', 'b']);
  const description = (await ask(app, '/openapi.json')).json;
  expect(description.openapi).toBe('3.1.0');
  expect(Object.keys(description.paths['/models'])).toEqual(['get', 'post', 'delete']);
  expect(description.paths['/models'].delete.parameters).toEqual([
    { name: 'model', in: 'query', required: true, schema: { type: 'string' } },
  ]);
  expect(description.paths).toHaveProperty('/models/sse');
  expect((await ask(app, '/health')).json).toEqual({ status: 'ok' });
});

it('metrics have the label model, and outlive an unload', async () => {
  const app = router([served('a'), served('b', 'bert-rank')], { metrics: true });
  await embed(app, 'a');
  await ask(app, '/models/unload', { model: 'a' });
  await expect.poll(() => statuses(app)).toMatchObject({ a: 'unloaded' });
  await embed(app, 'a');
  await ask(app, '/rerank', { query: 'q', documents: ['d'], model: 'b' });
  const { text } = await ask(app, '/metrics');
  expect(text).toContain('gguf_embed_model_loaded{model="a"} 1');
  expect(text).toContain('gguf_embed_requests_total{model="a",route="/v1/embeddings",status="200"} 2');
  expect(text).toContain('gguf_embed_requests_total{model="b",route="/rerank",status="200"} 1');
  expect(text.match(/^# HELP gguf_embed_requests_total /gm)).toHaveLength(1);
  for (const line of text.trim().split('\n')) expect(line).toMatch(/^#|\{model="[ab]"[,}]/);
  expect((await ask(router([served('a')]), '/metrics')).status).toBe(501);
});

it('a stranger without the key loads nothing', async () => {
  const a = served('a');
  const app = router([a], { apiKeys: ['key'], prefix: '/p' });
  expect((await ask(app, '/p/v1/embeddings', { input: 'x' })).status).toBe(401);
  expect((await ask(app, '/p/models/load', { model: 'a' })).status).toBe(401);
  expect(a.nLoads).toBe(0);
  const headers = { Authorization: 'Bearer key' };
  expect((await ask(app, '/p/v1/embeddings', { input: 'x' }, { headers })).status).toBe(200);
});
