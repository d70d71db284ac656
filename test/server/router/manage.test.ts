/**
 * @file Models that are added and removed while the server runs, and events about them.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import {
  createRouter,
  type ModelStore,
  type Router,
  type RouterOptions,
  type ServedModel,
} from '../../../src/server/index.ts';
import { ModelEvents } from '../../../src/server/router/model-events.ts';
import { type Listening, listen } from '../../../src/server/sockets/listen.node.ts';
import { fixture } from '../http-fixture.ts';
import { servedModel } from '../served-model.ts';

/** What becomes true soon, on slow machines too. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

const servers: Listening[] = [];
const routers: Router[] = [];
afterEach(async () => {
  for (const router of routers) router.endEvents();
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await Promise.all(routers.splice(0).map((router) => router.close()));
});

function served(id: string, source: ServedModel['source'] = 'command_line', file = 'bert-mean'): ServedModel {
  const model = servedModel(id, ({ signal, onProgress }) =>
    Embedder.load(fixture(`models/${file}.gguf`), { backend: 'reference', worker: false, signal, onProgress }),
  );
  return { ...model, source };
}

/** A store whose downloads the test ends. */
function testStore() {
  const waiting = new Map<string, { signal: AbortSignal; finish: () => void; fail: () => void }>();
  const removed: string[] = [];
  const store: ModelStore = {
    idOf(name) {
      if (!/^\w+\/\w+(:\w+)?$/.test(name)) throw new Error('no name');
      return name;
    },
    download: (id, signal, onProgress) =>
      new Promise((resolve, reject) => {
        onProgress('https://hub/x', 1, 10);
        onProgress('https://hub/x', 10, 10);
        const finish = () => resolve(served(id, 'cache'));
        waiting.set(id, { signal, finish, fail: () => reject(new Error('no such repository')) });
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
    async remove(id) {
      removed.push(id);
    },
  };
  return { store, waiting, removed };
}

async function start(models: ServedModel[], options: Partial<RouterOptions> = {}) {
  const limits = { maxModels: 4, maxModelBytes: 0, sleepAfter: 0, autoload: true };
  const router = createRouter(models, { ...limits, ...options });
  routers.push(router);
  const server = await listen(router, { host: '127.0.0.1', port: 0 });
  servers.push(server);
  const ask = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(server.url + path, { method, ...init });
    return { status: answer.status, json: await answer.json() };
  };
  const list = async () =>
    ((await ask('GET', '/models')).json.data as { id: string; status: { value: string } }[]).map(
      ({ id, status }) => `${id} ${status.value}`,
    );
  return { server, router, ask, list };
}

/** Listens for events. */
async function events(url: string) {
  const gone = new AbortController();
  const answer = await fetch(`${url}/models/sse`, { signal: gone.signal });
  const seen: { model: string; event: string; data?: Record<string, unknown> }[] = [];
  let text = '';
  const ended = (async () => {
    for await (const bytes of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(bytes);
      const parts = text.split('\n\n');
      text = parts.pop() as string;
      for (const part of parts) seen.push(JSON.parse(part.replace(/^data: /, '')));
    }
  })();
  return { answer, seen, ended, leave: () => gone.abort() };
}

describe('GET /models/sse', () => {
  it('tells of loading, sleep and unloading, in the words of llama-server', async () => {
    const { server, ask } = await start([served('a')], { sleepAfter: 0.3 });
    const { answer, seen } = await events(server.url);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    await ask('POST', '/v1/embeddings', { input: 'x' });
    await eventually(() => seen.at(-1)?.data?.status).toBe('sleeping');
    expect(seen[0]).toEqual({ model: 'a', event: 'model_status', data: { status: 'loading' } });
    const progress = seen.slice(1, -2);
    const values = progress.map(({ data }) => (data as { progress: { value: number } }).progress.value);
    expect([values[0], values.at(-1)]).toEqual([0, 1]);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(progress[0]).toEqual({
      model: 'a',
      event: 'status_change',
      data: { status: 'loading', progress: { stages: ['text_model'], current: 'text_model', value: 0 } },
    });
    expect(seen.at(-2)).toMatchObject({
      event: 'status_change',
      data: { status: 'loaded', info: { id: 'a', status: { value: 'loaded' }, meta: { n_embd: 64 } } },
    });
    await ask('POST', '/models/unload', { model: 'a' });
    await eventually(() => seen.at(-1)?.data).toEqual({ status: 'unloaded', exit_code: 0 });
    expect(seen.filter(({ event }) => event === 'model_status')).toHaveLength(1);
  });

  it('tells of a load that fails', async () => {
    const { server, ask } = await start([served('a', 'command_line', 'no-such-file')]);
    const { seen } = await events(server.url);
    expect((await ask('POST', '/v1/embeddings', { input: 'x' })).status).toBe(500);
    await eventually(() => seen.at(-1)?.data).toEqual({ status: 'unloaded', exit_code: 1 });
  });

  it('goes to every client, until it leaves or the server stops', async () => {
    const { server, router, ask } = await start([served('a')]);
    const [stays, leaves] = [await events(server.url), await events(server.url)];
    leaves.leave();
    await expect(leaves.ended).rejects.toThrow();
    await ask('POST', '/models/load', { model: 'a' });
    await eventually(() => stays.seen.at(-1)?.data?.status).toBe('loaded');
    expect(leaves.seen).toEqual([]);
    expect((await fetch(`${server.url}/models/sse`, { method: 'HEAD' })).status).toBe(200);
    router.endEvents();
    await stays.ended;
    await server.close();
  });

  it('cuts off a client that reads nothing, and nobody else', async () => {
    const events = new ModelEvents();
    const [reads, waits] = [events.stream().getReader(), events.stream().getReader()];
    for (let i = 0; i < 2000; i++) {
      events.send('a', 'model_remove');
      expect((await reads.read()).done).toBe(false);
    }
    await expect(waits.read()).rejects.toThrow('the client reads no events');
    events.close();
    expect((await reads.read()).done).toBe(true);
  });
});

describe('POST /models', () => {
  it('downloads a model, which then answers', async () => {
    const { store, waiting } = testStore();
    const { server, ask, list } = await start([served('b/b')], { store });
    const { seen } = await events(server.url);
    expect(await ask('POST', '/models', { model: 'a/a:Q8_0' })).toEqual({ status: 200, json: { success: true } });
    expect(await list()).toEqual(['a/a:Q8_0 downloading', 'b/b unloaded']);
    expect((await ask('POST', '/v1/embeddings', { input: 'x', model: 'a/a:Q8_0' })).json.error).toMatchObject({
      code: 400,
      message: 'model name=a/a:Q8_0 is not running',
    });
    expect((await ask('POST', '/models/load', { model: 'a/a:Q8_0' })).json.error.message).toBe(
      'model is already running',
    );
    waiting.get('a/a:Q8_0')?.finish();
    await eventually(list).toEqual(['a/a:Q8_0 unloaded', 'b/b unloaded']);
    expect((await ask('POST', '/v1/embeddings', { input: 'x', model: 'a/a:Q8_0' })).status).toBe(200);
    expect(seen.slice(0, 4)).toEqual([
      { model: 'a/a:Q8_0', event: 'model_status', data: { status: 'downloading' } },
      {
        model: 'a/a:Q8_0',
        event: 'download_progress',
        data: { progress: { 'https://hub/x': { done: 1, total: 10 } } },
      },
      {
        model: 'a/a:Q8_0',
        event: 'download_progress',
        data: { progress: { 'https://hub/x': { done: 10, total: 10 } } },
      },
      { model: 'a/a:Q8_0', event: 'download_finished' },
    ]);
    expect((await ask('GET', '/models')).json.data[0]).toMatchObject({ source: 'cache', can_remove: true });
    expect((await ask('GET', '/models')).json.data[1]).toMatchObject({ source: 'command_line', can_remove: false });
  });

  it.each([
    [{}, 'model must be a non-empty string'],
    [{ model: '' }, 'model must be a non-empty string'],
    [{ model: 5 }, 'model must be a non-empty string'],
    ['text', 'model must be a non-empty string'],
    [{ model: '../x' }, 'error: invalid HF repo format, expected <user>/<model>[:quant]'],
    [{ model: 'b/b' }, "model 'b/b' already exists"],
  ])('%j is refused', async (body, message) => {
    const { ask, list } = await start([served('b/b')], { store: testStore().store });
    const { status, json } = await ask('POST', '/models', body);
    expect([status, json.error]).toEqual([400, { code: 400, type: 'invalid_request_error', message }]);
    expect(await list()).toEqual(['b/b unloaded']);
  });

  it('a download that is under way is not begun again; one that fails leaves nothing', async () => {
    const errors: unknown[] = [];
    const { store, waiting } = testStore();
    const { server, ask, list } = await start([served('b/b')], { store, onError: (error) => errors.push(error) });
    const { seen } = await events(server.url);
    await ask('POST', '/models', { model: 'a/a' });
    expect((await ask('POST', '/models', { model: 'a/a' })).json.error.message).toBe("model 'a/a' already exists");
    waiting.get('a/a')?.fail();
    await eventually(list).toEqual(['b/b unloaded']);
    expect(String(errors[0])).toContain('a/a: no such repository');
    expect(seen.at(-1)).toEqual({ model: 'a/a', event: 'download_failed' });
    expect((await ask('POST', '/models', { model: 'a/a' })).status).toBe(200);
  });

  it('is no route where nothing can be added, and needs the key', async () => {
    const { ask } = await start([served('a')]);
    expect((await ask('POST', '/models', { model: 'a/a' })).status).toBe(404);
    const { store, waiting } = testStore();
    const closed = await start([served('a')], { store, apiKeys: ['key'] });
    expect((await closed.ask('POST', '/models', { model: 'a/a' })).status).toBe(401);
    expect((await closed.ask('DELETE', '/models?model=a')).status).toBe(401);
    expect((await closed.ask('GET', '/models/sse')).status).toBe(401);
    expect(waiting.size).toBe(0);
  });

  it('a body that is too large is refused before it is read', async () => {
    const { ask } = await start([served('a')], { store: testStore().store });
    for (const path of ['/models', '/models/load', '/models/unload']) {
      expect((await ask('POST', path, { model: 'a'.repeat(100_000) })).status).toBe(413);
    }
  });
});

describe('DELETE /models', () => {
  it('unloads a model that was added, and deletes its files', async () => {
    const { store, waiting, removed } = testStore();
    const { server, ask, list } = await start([served('b/b')], { store });
    await ask('POST', '/models', { model: 'a/a' });
    waiting.get('a/a')?.finish();
    await eventually(list).toEqual(['a/a unloaded', 'b/b unloaded']);
    await ask('POST', '/v1/embeddings', { input: 'x', model: 'a/a' });
    const { seen } = await events(server.url);
    expect(await ask('DELETE', '/models?model=a/a')).toEqual({ status: 200, json: { success: true } });
    expect(await list()).toEqual(['b/b unloaded']);
    expect(removed).toEqual(['a/a']);
    await eventually(() => seen.at(-1)).toEqual({ model: 'a/a', event: 'model_remove' });
    expect((await ask('POST', '/v1/embeddings', { input: 'x', model: 'a/a' })).json.error.message).toContain(
      "model 'a/a' not found",
    );
    expect((await ask('POST', '/v1/embeddings', { input: 'x' })).status).toBe(200);
  });

  it('stops a download', async () => {
    const { store, waiting, removed } = testStore();
    const { ask, list } = await start([served('b/b')], { store });
    await ask('POST', '/models', { model: 'a/a' });
    const { signal } = waiting.get('a/a')!;
    expect((await ask('DELETE', '/models?model=a/a')).status).toBe(200);
    expect(signal.aborted).toBe(true);
    expect(await list()).toEqual(['b/b unloaded']);
    expect(removed).toEqual([]);
  });

  it.each([
    ['', 400, 'model must be a non-empty string'],
    ['?model=', 400, 'model must be a non-empty string'],
    ['?model=nobody', 500, 'model name=nobody is not found'],
    ['?model=b/b', 500, 'model name=b/b is not removable (not from cache)'],
  ])('%s is refused', async (query, status, message) => {
    const { ask, list } = await start([served('b/b')], { store: testStore().store });
    const answer = await ask('DELETE', `/models${query}`);
    expect([answer.status, answer.json.error.message]).toEqual([status, message]);
    expect(await list()).toEqual(['b/b unloaded']);
  });
});
