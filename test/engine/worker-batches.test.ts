/** @file Batches that workers compute by themselves: which texts they take, when they begin and end, and that each text is computed once. */
import { Embedder } from 'gguf-embed';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/engine/batching/queue.ts';
import type { AloneRunner, Runner } from '../../src/engine/batching/runner.ts';
import { Scheduler } from '../../src/engine/batching/scheduler.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import { random } from '../random.ts';
import { fixture } from './support.ts';

interface Computed {
  readonly lengths: readonly number[];
  /** `undefined`: all workers. */
  readonly rank: number | undefined;
  readonly end: (error?: Error) => void;
}

/** Answers each text with its sum and length when the test ends its batch. */
class HeldRunner implements Runner {
  readonly backend = 'wasm';
  readonly description = 'sums';
  readonly precision = 'high';
  readonly threads: number;
  readonly alone: AloneRunner;
  readonly inBackground = true;
  readonly failure = undefined;
  /** What is computed. */
  readonly computing: Computed[] = [];
  readonly wrong: string[] = [];

  constructor(nWorkers: number) {
    this.alone = { nWorkers, run: (rank, batch) => this.#runAlone(rank, batch) };
    this.threads = nWorkers;
  }

  run(batch: Batch): Promise<Float32Array> {
    if (this.computing.length > 0) this.wrong.push('all workers, while one computes');
    return this.#compute(batch);
  }

  #runAlone(rank: number, batch: Batch): Promise<Float32Array> {
    if (this.computing.some((other) => other.rank === rank || other.rank === undefined))
      this.wrong.push('a busy worker');
    return this.#compute(batch, rank);
  }

  #compute({ ids, offsets }: Batch, rank?: number): Promise<Float32Array> {
    const lengths = Array.from(offsets.subarray(1), (end, i) => end - offsets[i]);
    const sums = lengths.flatMap((length, i) => [
      ids.subarray(offsets[i], offsets[i + 1]).reduce((sum, id) => sum + id, 0),
      length,
    ]);
    return new Promise((resolve, reject) => {
      const computed: Computed = {
        lengths,
        rank,
        end: (error) => {
          this.computing.splice(this.computing.indexOf(computed), 1);
          if (error === undefined) resolve(Float32Array.from(sums));
          else reject(error);
        },
      };
      this.computing.push(computed);
    });
  }

  /** The lengths of what each worker computes, or `all` do. */
  get now() {
    return Object.fromEntries(this.computing.map(({ rank, lengths }) => [rank ?? 'all', lengths]));
  }

  async runTower(): Promise<never> {
    throw new Error('no tower');
  }
  async profile(): Promise<never[]> {
    return [];
  }
  async dispose(): Promise<void> {}
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const text = (length: number, id = 1) => new Int32Array(length).fill(id);

function start(nWorkers: number, nUbatch = 512) {
  const runner = new HeldRunner(nWorkers);
  const scheduler = new Scheduler(runner, nUbatch);
  const submit = (length: number, more: Partial<Job> = {}) =>
    scheduler.submit({ inputs: [text(length)], pooling: 'mean', ...more });
  const end = async (rank: number | 'all') => {
    runner.computing.find((computed) => (computed.rank ?? 'all') === rank)!.end();
    await turn();
  };
  return { runner, scheduler, submit, end };
}

describe('a scheduler with two workers', () => {
  it('gives a single text to both, and several to each its part', async () => {
    const { runner, submit, end } = start(2);
    const first = submit(17);
    await turn();
    expect(runner.now).toEqual({ all: [17] });
    const others = Array.from({ length: 7 }, () => submit(17));
    await turn();
    expect(runner.now).toEqual({ all: [17] });
    await end('all');
    expect(await first).toEqual([{ values: Float32Array.of(17, 17), width: 2 }]);
    expect(runner.now).toEqual({ 0: [17, 17, 17, 17], 1: [17, 17, 17] });
    // One more waits; a worker that is done takes it.
    await end(1);
    expect(runner.now).toEqual({ 0: [17, 17, 17, 17] });
    const last = submit(17);
    await turn();
    expect(runner.now).toEqual({ 0: [17, 17, 17, 17], 1: [17] });
    await end(1);
    await last;
    await end(0);
    await Promise.all(others);
    // Nothing is under way: both compute it.
    const again = submit(5);
    await turn();
    expect(runner.now).toEqual({ all: [5] });
    await end('all');
    await again;
  });

  it('leaves texts for the other worker, in as few batches as they need', async () => {
    const { runner, scheduler, end } = start(2);
    const all = scheduler.submit({ inputs: Array.from({ length: 64 }, () => text(17)), pooling: 'mean' });
    await turn();
    const sizes: number[][] = [];
    while (runner.computing.length > 0) {
      const { rank, lengths } = runner.computing[0];
      sizes.push([rank!, lengths.length]);
      await end(rank!);
    }
    expect((await all).length).toBe(64);
    expect(sizes.length).toBe(6);
    for (const rank of [0, 1]) {
      const n = sizes.reduce((sum, [of, size]) => sum + (of === rank ? size : 0), 0);
      expect(Math.abs(n - 32), JSON.stringify(sizes)).toBeLessThan(8);
    }
  });

  it('gives a long text to both when their batches have ended, and nothing overtakes it', async () => {
    const { runner, submit, end } = start(2);
    const jobs = [submit(20), submit(20)];
    await turn();
    expect(runner.now).toEqual({ 0: [20], 1: [20] });
    jobs.push(submit(300), submit(4), submit(5));
    await end(0);
    expect(runner.now).toEqual({ 1: [20] });
    await end(1);
    expect(runner.now).toEqual({ all: [300, 4, 5] });
    await end('all');
    await Promise.all(jobs);
  });

  it('gives a text with an observer to both', async () => {
    const { runner, submit, end } = start(2);
    const jobs = [submit(3, { observer: () => {} }), submit(4), submit(5)];
    await turn();
    expect(runner.now).toEqual({ all: [3] });
    await end('all');
    expect(runner.now).toEqual({ 0: [4], 1: [5] });
    await end(0);
    await end(1);
    await Promise.all(jobs);
  });

  it('keeps to the largest batch that is allowed', async () => {
    const { runner, scheduler, end } = start(2, 32);
    const all = scheduler.submit({ inputs: Array.from({ length: 10 }, () => text(15)), pooling: 'mean' });
    await turn();
    while (runner.computing.length > 0) {
      for (const { lengths } of runner.computing) expect(lengths.length).toBeLessThanOrEqual(2);
      await end(runner.computing[0].rank ?? 'all');
    }
    expect((await all).length).toBe(10);
  });

  it('fails only what a worker computes that fails, and goes on', async () => {
    const { runner, submit, end } = start(2);
    const jobs = [submit(20), submit(20), submit(20), submit(20)];
    const settled = Promise.allSettled(jobs);
    await turn();
    runner.computing[0].end(new Error('fell over'));
    await turn();
    await end(1);
    expect((await settled).map(({ status }) => status).sort()).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    const next = submit(3);
    await turn();
    await end('all');
    await next;
  });

  it('ends when it is closed', async () => {
    const { runner, scheduler, submit } = start(2);
    const rejected = Promise.all(Array.from({ length: 5 }, () => expect(submit(200)).rejects.toThrow('over')));
    await turn();
    expect(Object.keys(runner.now)).toEqual(['0', '1']);
    const closed = scheduler.close(new Error('over'));
    await rejected;
    for (const { end } of [...runner.computing]) end();
    await closed;
    expect(runner.computing).toEqual([]);
  });

  it('drops texts that nobody waits for any more', async () => {
    const { runner, submit, end } = start(2);
    const controller = new AbortController();
    const jobs = [submit(200), submit(200)];
    const dropped = Array.from({ length: 4 }, () => submit(200, { signal: controller.signal }));
    const rejected = Promise.all(dropped.map((job) => expect(job).rejects.toThrow('no')));
    await turn();
    controller.abort(new Error('no'));
    await rejected;
    await end(0);
    expect(runner.now).toEqual({ 1: [200] });
    await end(1);
    await Promise.all(jobs);
  });
});

it('with eight workers, a few texts are computed by all of them', async () => {
  const { runner, submit, end } = start(8);
  const jobs = Array.from({ length: 5 }, () => submit(17));
  await turn();
  expect(runner.now).toEqual({ all: [17, 17, 17, 17, 17] });
  jobs.push(...Array.from({ length: 8 }, () => submit(17)));
  await end('all');
  expect(Object.keys(runner.now).length).toBe(8);
  for (let rank = 0; rank < 8; rank++) await end(rank);
  await Promise.all(jobs);
});

it('any mix of texts is computed once each, and no worker twice at a time', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const next = random(seed);
    const below = (n: number) => Math.floor(next() * n);
    const nWorkers = 2 + below(3);
    const { runner, scheduler } = start(nWorkers, 64 + below(500));
    const jobs: Promise<unknown>[] = [];
    let nLeft = 40;
    while (nLeft > 0 || runner.computing.length > 0) {
      if (nLeft > 0 && below(2) === 0) {
        nLeft--;
        const lengths = Array.from({ length: 1 + below(4) }, () => 1 + below(below(5) === 0 ? 400 : 30));
        const inputs = lengths.map((length, i) => text(length, i + 1));
        const wanted = lengths.map((length, i) => ({ values: Float32Array.of(length * (i + 1), length), width: 2 }));
        jobs.push(scheduler.submit({ inputs, pooling: 'mean' }).then((rows) => expect(rows).toEqual(wanted)));
      } else if (runner.computing.length > 0) {
        runner.computing[below(runner.computing.length)].end();
      }
      if (below(2) === 0) await turn();
      else await Promise.resolve();
    }
    await turn();
    while (runner.computing.length > 0) {
      runner.computing[0].end();
      await turn();
    }
    await Promise.all(jobs);
    expect(runner.wrong).toEqual([]);
    expect(scheduler.nWaiting).toBe(0);
  }
});

it('many calls at a time get the bits of one worker, with long texts between and whatever is pooled', async () => {
  const path = fixture('bert-mean');
  const one = await Embedder.load(path, { backend: 'wasm', threads: 1, worker: true });
  const team = await Embedder.load(path, { backend: 'wasm', threads: 3, worker: true });
  const next = random(4);
  const below = (n: number) => Math.floor(next() * n);
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 12 }, () => {
      const length = () => 1 + below(below(8) === 0 ? 400 : 30);
      const inputs = Array.from({ length: 1 + below(3) }, () =>
        Int32Array.from({ length: length() }, () => 5 + below(100)),
      );
      return { inputs, pooling: (['mean', 'cls', 'last'] as const)[below(3)] };
    });
    const embed = (embedder: Embedder) =>
      Promise.all(calls.map(async ({ inputs, pooling }) => (await embedder.embed(inputs, { pooling })).vectors));
    expect(await embed(team)).toEqual(await embed(one));
  }
  await one.dispose();
  await team.dispose();
}, 30_000);
