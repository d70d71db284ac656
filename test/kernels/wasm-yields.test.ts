/** @file A wasm backend that yields its thread between steps: the same bits, one forward at a time, and nothing after its end. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createWasmBackend, Profile, prepareWasm, type WasmBackend } from '../../src/kernels/wasm/index.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import type { Ops, Tensor, Weight } from '../../src/tensor/ops.ts';
import { Turn } from '../../src/turn.ts';
import { normal } from '../random.ts';
import { batchOf, load, type Sources, source } from './graphs.ts';

const [nEmbd, nFf] = [64, 160];
const disposed = 'this backend has been disposed';

const sources: Sources = {
  tok: [source('tok', [nEmbd, 50], normal(nEmbd * 50, 1)), 'table'],
  norm: [source('norm', [nEmbd], normal(nEmbd, 2)), 'vector'],
  up: [source('up', [nEmbd, nFf], normal(nEmbd * nFf, 3, 0.2), 'Q8_0'), 'matrix'],
  down: [source('down', [nFf, nEmbd], normal(nFf * nEmbd, 4, 0.2), 'Q8_0'), 'matrix'],
};

/** Attention, a feed-forward layer, which a batch of 256 tokens computes in strips, and pooling. */
function forward(ops: Ops, w: Record<string, Weight>): Tensor {
  const x = ops.embedding(w.tok, 'ids', { names: { rows: 'embedded' } });
  const attending = { nHead: 2, nHeadKv: 2, scale: 0.2, names: { out: 'attended' } };
  const attended = ops.add(ops.attention(x, x, x, attending), x, { names: { out: 'added' } });
  const y = ops.norm(attended, { weight: w.norm }, { kind: 'rms', eps: 1e-5, names: { out: 'normed' } });
  const up = ops.linear(y, { weight: w.up }, { activation: 'gelu', names: { activated: 'up' } });
  const down = ops.linear(up, { weight: w.down }, { residual: attended, names: { out: 'down' } });
  return ops.pool(down, 'mean', { names: { out: 'pooled' } });
}

const names = ['embedded', 'attended', 'added', 'normed', 'up', 'down', 'pooled'];
const [small, large] = [batchOf([5, 2]), batchOf([100, 3, 200, 57], 50, 8)];

interface Loaded {
  readonly backend: WasmBackend;
  compute(batch: Batch): Promise<Float32Array>;
  read(batch: Batch): Promise<Float32Array>;
  fill(): Promise<void>;
  readonly weights: Record<string, Weight>;
}

/** @param nThreads of a larger team, only rank 0 computes */
async function start(yields: boolean, nThreads = 1): Promise<Loaded> {
  const backend = await createWasmBackend({ yields, setup: await prepareWasm({ nThreads }) });
  backend.setTeam(1);
  const weights = await load(backend, sources);
  const { ops } = backend;
  return {
    backend,
    weights,
    compute: (batch) => backend.compute!(batch, 'forward', () => forward(ops, weights)),
    read(batch) {
      ops.begin(batch);
      return ops.read(forward(ops, weights));
    },
    fill: () => backend.fill(weights.up, sources.up[0]),
  };
}

/** How often the event loop comes round until `work` settles. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let [n, isOpen] = [0, true];
  const settled = work.then(
    () => void (isOpen = false),
    () => void (isOpen = false),
  );
  for (; isOpen; n++) await new Promise((resolve) => setImmediate(resolve));
  await settled;
  return n;
}

let expected: { readonly small: Float32Array; readonly large: Float32Array };
let tested: Loaded;
beforeEach(async () => {
  const atOnce = await start(false);
  expected = { small: await atOnce.compute(small), large: await atOnce.compute(large) };
  atOnce.backend.dispose();
  tested = await start(true);
});
afterEach(() => {
  tested.backend.dispose();
  vi.restoreAllMocks();
});

it('keeps the thread in a forward that is short', async () => {
  vi.spyOn(Turn.prototype, 'isOver', 'get').mockReturnValue(false);
  const pass = vi.spyOn(Turn.prototype, 'pass');
  expect(await tested.compute(small)).toEqual(expected.small);
  expect(pass).not.toHaveBeenCalled();
});

describe('when each step takes long', () => {
  beforeEach(() => {
    vi.spyOn(Turn.prototype, 'isOver', 'get').mockReturnValue(true);
  });

  it('rank 0 of a larger team yields, too, while it computes without the others', async () => {
    const ofTwo = await start(true, 2);
    const pass = vi.spyOn(Turn.prototype, 'pass');
    expect(await ofTwo.compute(large)).toEqual(expected.large);
    expect(pass).toHaveBeenCalled();
    ofTwo.backend.dispose();
  });

  it('yields before each step of each strip, and gives the same bits', async () => {
    for (const [batch, values, nSteps] of [
      [small, expected.small, 7],
      [large, expected.large, 9],
      [large, expected.large, 9],
    ] as const) {
      const pass = vi.spyOn(Turn.prototype, 'pass');
      const computing = tested.compute(batch);
      expect(await turnsOf(computing)).toBeGreaterThanOrEqual(nSteps);
      expect(await computing).toEqual(values);
      expect(pass).toHaveBeenCalledTimes(nSteps);
      pass.mockRestore();
    }
  });

  it('computes what is asked for in the meantime afterwards', async () => {
    const { compute, read, fill } = tested;
    const order: number[] = [];
    const work = [compute(large), compute(small), read(large), fill(), compute(large), read(small), compute(small)];
    const results = await Promise.all(work.map((one, i) => one.finally(() => order.push(i))));
    const { small: s, large: l } = expected;
    expect(results).toEqual([l, s, l, undefined, l, s, s]);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('computes several results of one forward, also after one that failed', async () => {
    const { backend, weights } = tested;
    const { ops } = backend;
    ops.begin(small);
    const x = ops.embedding(weights.tok, 'ids');
    const doubled = ops.add(x, x);
    const [first, second, again] = await Promise.all([ops.read(x), ops.read(doubled), ops.read(x)]);
    expect(second).toEqual(first.map((value) => 2 * value));
    expect(again).toEqual(first);
    const other = ops.embedding(weights.tok, 'positions');
    const failing = () => {
      throw new Error('not this one');
    };
    backend.profile = Object.assign(new Profile(), { add: failing });
    await expect(ops.read(other)).rejects.toThrow('not this one');
    backend.profile = undefined;
    expect(await ops.read(x)).toEqual(first);
  });

  it('ends a forward, and those that wait, when it is disposed', async () => {
    const profile = new Profile();
    tested.backend.profile = profile;
    const waiting = [tested.compute(large), tested.compute(small), tested.read(small)];
    const ends = Promise.allSettled(waiting);
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    tested.backend.dispose();
    const calls = () => [...profile.entries.values()].reduce((sum, entry) => sum + entry.calls, 0);
    const before = calls();
    expect(before).toBeGreaterThan(0);
    for (const end of await ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { message: disposed } });
    }
    expect(calls()).toBe(before);
    await expect(tested.compute(small)).rejects.toThrow(disposed);
  });

  it('shows each forward to its own observer, in order', async () => {
    const seen: [of: string, name: string, rows: number][] = [];
    const { backend, compute } = tested;
    backend.observe((name, _, rows) => void seen.push(['first', name, rows]));
    const first = compute(large);
    backend.observe((name, _, rows) => void seen.push(['second', name, rows]));
    const second = compute(small);
    backend.observe(undefined);
    expect(await compute(small)).toEqual(expected.small);
    expect(await first).toEqual(expected.large);
    expect(await second).toEqual(expected.small);
    expect(seen).toEqual([
      ...names.map((name) => ['first', name, name === 'pooled' ? 4 : large.ids.length]),
      ...names.map((name) => ['second', name, name === 'pooled' ? 2 : small.ids.length]),
    ]);
  });

  it('rejects with the error of an observer, and then computes the next', async () => {
    const { backend, compute } = tested;
    backend.observe(() => {
      throw new Error('seen enough');
    });
    const failing = compute(small);
    backend.observe(undefined);
    const next = compute(large);
    await expect(failing).rejects.toThrow('seen enough');
    expect(await next).toEqual(expected.large);
  });

  it('does not count pauses as time of an operation', async () => {
    vi.spyOn(Turn.prototype, 'pass').mockImplementation(() => new Promise((resolve) => setTimeout(resolve, 300)));
    const profile = new Profile();
    tested.backend.profile = profile;
    await tested.compute(small);
    const entries = [...profile.entries.values()];
    expect(entries.reduce((sum, { calls }) => sum + calls, 0)).toBe(7);
    expect(entries.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBeLessThan(300);
  });
});
