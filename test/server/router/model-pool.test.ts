/**
 * @file The order of loads, unloads and requests in a pool of models, where one comes while another is under way.
 */
import { expect, it } from 'vitest';
import type { HttpError } from '../../../src/server/errors.ts';
import { ModelPool, type PoolLimits } from '../../../src/server/router/model-pool.ts';
import type { PoolEntry } from '../../../src/server/router/pool-entry.ts';
import { servedModel } from '../served-model.ts';

interface Engine {
  readonly engine: { failure: Error | undefined };
  readonly dispose: () => Promise<void>;
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
const never = new AbortController().signal;

/** A promise that the test resolves. */
function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** A pool whose models load when `loaded` resolves. */
function pool(limits: Partial<PoolLimits>, loaded: (id: string) => Promise<unknown> = turn) {
  const model = (id: string) => servedModel(id, () => Promise.reject(new Error('the pool opens models itself')));
  const counts = { held: 0, most: 0, loads: 0 };
  const errors: unknown[] = [];
  const open = async (entry: PoolEntry<Engine>): Promise<Engine> => {
    counts.most = Math.max(counts.most, ++counts.held);
    counts.loads++;
    await loaded(entry.model.id);
    const dispose = async () => {
      counts.held--;
    };
    return { engine: { failure: undefined }, dispose };
  };
  const models = new ModelPool<Engine>(
    ['a', 'b', 'c', 'd'].map(model),
    { maxModels: 0, maxModelBytes: 0, sleepAfter: 0, ...limits },
    open,
    (error) => errors.push(error),
    () => {},
  );
  const [a, b, c, d] = models.entries;
  const use = (entry: PoolEntry<Engine>, work: (running: Engine) => Promise<unknown> = turn, signal = never) =>
    models.use(entry, signal, work);
  return { models, use, counts, errors, a, b, c, d };
}

it.each([
  ['models', { maxModels: 1 }, 1],
  ['models', { maxModels: 2 }, 2],
  ['bytes', { maxModelBytes: 250 }, 2],
])('the limit of %s %o holds when several loads wait for it', async (_, limits, most) => {
  const { use, counts, a, b, c, d } = pool(limits);
  await Promise.all([a, b, c, d, a, c, b, d].map((entry) => use(entry)));
  expect(counts.most).toBe(most);
});

it('a request for a model whose last client gave up its place in the queue waits for a new one', async () => {
  const { models, use, a, b, c } = pool({ maxModels: 1 });
  const busy = gate();
  const first = use(a, () => busy.passed);
  await turn();
  const second = use(b);
  await turn();
  const leaving = new AbortController();
  const left = use(c, turn, leaving.signal).catch((error: Error) => error.message);
  await turn();
  leaving.abort(new Error('the client has gone'));
  expect(await left).toBe('the client has gone');
  const third = use(c, async () => 'answered').catch((error: Error) => error.message);
  busy.open();
  await Promise.all([first, second]);
  expect(await third).toBe('answered');
  await models.close();
});

it('a request after an unload under way loads the model again; one before it fails', async () => {
  const loading = gate();
  const { models, use, a, counts, errors } = pool({}, () => loading.passed);
  const before = use(a).catch((error: HttpError) => error.message);
  await turn();
  models.unload(a);
  const after = use(a, async () => 'answered');
  loading.open();
  expect(await before).toBe('model name=a failed to load');
  expect(await after).toBe('answered');
  expect([counts.loads, counts.held, errors]).toEqual([2, 1, []]);
});

it('an unload before the load has asked for its place is no error of the process', async () => {
  const { models, a, counts, errors } = pool({});
  models.load(a);
  models.unload(a);
  await turn();
  expect([a.status, counts.loads, errors]).toEqual(['unloaded', 0, []]);
});

it('a model that is unloaded as its load ends does not stay in memory', async () => {
  const loading = gate();
  const { models, a, counts } = pool({}, () => loading.passed);
  models.load(a);
  await turn();
  models.unload(a);
  loading.open();
  await turn();
  expect([a.status, a.isHeld, counts.held]).toEqual(['unloaded', false, 0]);
});

it('a client that leaves before its request begins does not keep the model awake', async () => {
  const { use, a } = pool({ sleepAfter: 0.03 });
  await use(a);
  await expect(use(a, turn, AbortSignal.abort(new Error('the client has gone')))).rejects.toThrow('has gone');
  await expect.poll(() => a.status).toBe('sleeping');
});

it('a model that is unloaded under a request does not fall asleep afterwards', async () => {
  const { models, use, a } = pool({ sleepAfter: 0.02 });
  const busy = gate();
  const request = use(a, () => busy.passed);
  await turn();
  await turn();
  models.unload(a);
  busy.open();
  await request;
  await turn();
  expect(a.status).toBe('unloaded');
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(a.status).toBe('unloaded');
  models.load(a);
});

it('a model that has failed is loaded again, also where its requests never cease', async () => {
  const { use, a, counts } = pool({});
  const busy = gate();
  const first = use(a, async ({ engine }) => {
    engine.failure = new Error('a worker died');
    await busy.passed;
  });
  await turn();
  await turn();
  const second = use(a, async ({ engine }) => engine.failure);
  await turn();
  busy.open();
  await first;
  expect([await second, counts.loads, counts.held]).toEqual([undefined, 2, 1]);
});
