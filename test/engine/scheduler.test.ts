import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/engine/batching/queue.ts';
import type { Runner } from '../../src/engine/batching/runner.ts';
import { Scheduler } from '../../src/engine/batching/scheduler.ts';
import type { BatchReport } from '../../src/engine/types.ts';
import type { Pooling } from '../../src/models/index.ts';
import type { Pixels, TowerInput, TowerResult } from '../../src/models/vision/index.ts';
import type { Batch } from '../../src/tensor/batch.ts';

/** Answers each sequence with its sum and length, after a turn of the event loop, and remembers its batches. */
class SummingRunner implements Runner {
  readonly backend = 'reference';
  readonly description = 'sums';
  readonly precision = 'exact';
  readonly threads = 1;
  readonly inBackground: boolean;
  readonly maxInFlight: number;
  /** Batches that are computed, and the most so far. */
  nComputing = 0;
  mostComputing = 0;
  readonly failure = undefined;
  readonly batches: { batch: Batch; pooling: Pooling }[] = [];
  readonly imageBatches: number[] = [];
  /** What was computed, in order. */
  readonly log: string[] = [];
  fail: Error | undefined;

  constructor(inBackground = true, maxInFlight = 1) {
    this.inBackground = inBackground;
    this.maxInFlight = maxInFlight;
  }

  async run(batch: Batch, pooling: Pooling): Promise<Float32Array> {
    this.batches.push({ batch, pooling });
    this.log.push(`texts ${batch.ids.length}`);
    this.mostComputing = Math.max(this.mostComputing, ++this.nComputing);
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.nComputing--;
    if (this.fail !== undefined) throw this.fail;
    if (pooling === 'none') return Float32Array.from(batch.ids);
    const rows: number[] = [];
    for (let seq = 0; seq + 1 < batch.offsets.length; seq++) {
      const ids = batch.ids.subarray(batch.offsets[seq], batch.offsets[seq + 1]);
      rows.push(
        ids.reduce((sum, id) => sum + id, 0),
        ids.length,
      );
    }
    return Float32Array.from(rows);
  }

  /** A tower of three layers. The rows of an image: as many as it has tokens, of its first byte. */
  async runTower(from: TowerInput, nLayers: number): Promise<TowerResult> {
    const pass = 'layer' in from ? from : { layer: 0, images: from, deepstack: [], hidden: firstBytes(from) };
    if (pass.layer === 0) this.imageBatches.push(pass.images.length);
    this.log.push(`layer ${pass.layer}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.fail !== undefined) throw this.fail;
    const layer = pass.layer + nLayers;
    if (layer < 3) return { ...pass, layer };
    return pass.images.map(({ width, height }, i) => new Float32Array(2 * width * height).fill(pass.hidden[i]));
  }

  async profile(): Promise<never[]> {
    return [];
  }

  async dispose(): Promise<void> {}
}

const firstBytes = (images: readonly Pixels[]) => Float32Array.from(images, ({ rgb }) => rgb[0]);

const image = (side: number, byte: number): Pixels => ({
  width: side,
  height: side,
  rgb: new Uint8Array(3 * side * side).fill(byte),
});

const rules = {
  images: { width: 2, positions: 'sequence' },
  sees: 'causal',
  pools: 'whole',
  tokensOf: ({ width, height }: Pixels) => width * height,
  layersOf: () => Infinity,
} as const;

const ones = (n: number, value = 1) => new Int32Array(n).fill(value);
const sizes = (runner: SummingRunner) => runner.batches.map(({ batch }) => batch.ids.length);

describe('Scheduler', () => {
  it('lets images wait in the same queue, in batches of their own', async () => {
    const runner = new SummingRunner();
    const reports: BatchReport[] = [];
    const scheduler = new Scheduler(runner, 8, (batch) => void reports.push(batch), rules);
    const answers = Promise.all([
      scheduler.submit({ inputs: [image(2, 5), image(2, 6), image(3, 7)], pooling: 'tower' }),
      scheduler.submit({ inputs: [ones(4)], pooling: 'mean' }),
    ]);
    expect(scheduler.nWaiting).toBe(4);
    expect(scheduler.nWaitingTokens).toBe(4 + 4 + 9 + 4);
    const [rows, texts] = await answers;
    expect(rows.map(({ values, width }) => [values[0], values.length, width])).toEqual([
      [5, 8, 2],
      [6, 8, 2],
      [7, 18, 2],
    ]);
    expect(texts[0].values).toEqual(Float32Array.of(4, 4));
    // The large one comes after the text, whose turn it was.
    expect(runner.imageBatches).toEqual([2, 1]);
    expect(reports.map(({ nTokens, nImages }) => [nTokens, nImages])).toEqual([
      [8, 2],
      [4, 0],
      [9, 1],
    ]);
    expect(scheduler.nWaitingTokens).toBe(0);
  });

  describe.each([true, false])(
    'while a large image is computed layer by layer (in the background: %s)',
    (inBackground) => {
      const start = () => {
        const runner = new SummingRunner(inBackground);
        const reports: BatchReport[] = [];
        const slow = { ...rules, layersOf: () => 1 };
        const scheduler = new Scheduler(runner, 4, (batch) => void reports.push(batch), slow);
        return { runner, scheduler, reports };
      };
      const text = (scheduler: Scheduler, n = 4) => scheduler.submit({ inputs: [ones(n)], pooling: 'mean' });

      it('gives texts that wait a batch after each part, and counts the image once', async () => {
        const { runner, scheduler, reports } = start();
        const order: string[] = [];
        const large = scheduler.submit({ inputs: [image(3, 7)], pooling: 'tower' }).finally(() => order.push('image'));
        const texts = Array.from({ length: 4 }, (_, i) => text(scheduler).finally(() => order.push(`text ${i}`)));
        const next = scheduler.submit({ inputs: [image(2, 5)], pooling: 'tower' });
        expect((await large)[0].values).toEqual(new Float32Array(18).fill(7));
        for (const answer of texts) expect((await answer)[0].values).toEqual(Float32Array.of(4, 4));
        expect((await next)[0].values).toEqual(new Float32Array(8).fill(5));
        expect(runner.log.slice(0, 5)).toEqual(['layer 0', 'texts 4', 'layer 1', 'texts 4', 'layer 2']);
        expect(order.slice(0, 3)).toEqual(['text 0', 'text 1', 'image']);
        const images = reports.filter(({ nImages }) => nImages > 0);
        expect(images.map(({ nTokens, nImages }) => [nTokens, nImages])).toEqual([
          [9, 1],
          [4, 1],
        ]);
        expect(runner.imageBatches).toEqual([1, 1]);
      });

      it('takes texts that arrive in the meantime', async () => {
        const { runner, scheduler } = start();
        const large = scheduler.submit({ inputs: [image(3, 7)], pooling: 'tower' });
        await expect.poll(() => runner.log).toContain('layer 0');
        await text(scheduler);
        expect(runner.log).not.toContain('layer 2');
        await large;
      });

      it('ends when its call is aborted, and others go on', async () => {
        const { runner, scheduler } = start();
        const controller = new AbortController();
        const job = { inputs: [image(3, 7)], pooling: 'tower', signal: controller.signal } as const;
        const large = scheduler.submit(job);
        const reason = new Error('no longer wanted');
        const rejected = expect(large).rejects.toBe(reason);
        await expect.poll(() => runner.log).toContain('layer 0');
        controller.abort(reason);
        await rejected;
        await text(scheduler);
        expect((await scheduler.submit({ inputs: [image(2, 5)], pooling: 'tower' }))[0].values[0]).toBe(5);
        expect(runner.log).toEqual(['layer 0', 'texts 4', 'layer 0', 'layer 1', 'layer 2']);
      });

      it('fails with its error, and others go on', async () => {
        const { runner, scheduler } = start();
        const large = scheduler.submit({ inputs: [image(3, 7)], pooling: 'tower' });
        const rejected = expect(large).rejects.toThrow('broken');
        await expect.poll(() => runner.log).toContain('layer 0');
        runner.fail = new Error('broken');
        await rejected;
        runner.fail = undefined;
        await text(scheduler);
        expect((await scheduler.submit({ inputs: [image(2, 5)], pooling: 'tower' }))[0].values[0]).toBe(5);
      });

      it('ends when the scheduler is closed', async () => {
        const { runner, scheduler } = start();
        const large = scheduler.submit({ inputs: [image(3, 7)], pooling: 'tower' });
        const rejected = expect(large).rejects.toThrow('closed');
        await expect.poll(() => runner.log).toContain('layer 0');
        await scheduler.close(new Error('closed'));
        await rejected;
        expect(runner.log).toEqual(['layer 0']);
      });
    },
  );

  it.each([
    [true, 2],
    [false, 1],
  ])('hands out rows while the next batch is computed, where that is elsewhere: %s', async (inBackground, nBatches) => {
    const runner = new SummingRunner(inBackground);
    const scheduler = new Scheduler(runner, 4);
    let seen = 0;
    const first = scheduler.submit({
      inputs: [ones(4)],
      pooling: 'mean',
      onTokens: () => {
        seen = runner.batches.length;
      },
    });
    await Promise.all([first, scheduler.submit({ inputs: [ones(4)], pooling: 'mean' })]);
    expect(seen).toBe(nBatches);
  });

  describe('a runner that takes two batches at a time', () => {
    const four = [ones(4), ones(4), ones(4), ones(4)];

    it('gets the next one while a full batch waits', async () => {
      const runner = new SummingRunner(true, 2);
      const scheduler = new Scheduler(runner, 4);
      const rows = await scheduler.submit({ inputs: four.map((ids, i) => ids.fill(i)), pooling: 'mean' });
      expect(rows.map(({ values: [sum] }) => sum)).toEqual([0, 4, 8, 12]);
      expect([runner.batches.length, runner.mostComputing]).toEqual([4, 2]);
    });

    it.each<[string, ConstructorParameters<typeof Scheduler>[3], Omit<Job, 'pooling'>]>([
      ['the batch that waits is not full', undefined, { inputs: [ones(4), ones(3)] }],
      ['steps are observed', undefined, { inputs: four, observer: () => {} }],
      ['the model has a vision tower', rules, { inputs: four }],
    ])('gets one at a time where %s', async (_, images, job) => {
      const runner = new SummingRunner(true, 2);
      await new Scheduler(runner, 4, undefined, images).submit({ ...job, pooling: 'mean' });
      expect(runner.mostComputing).toBe(1);
    });

    it('fails the jobs of both when both fail, and computes later ones', async () => {
      const runner = new SummingRunner(true, 2);
      const scheduler = new Scheduler(runner, 4);
      runner.fail = new Error('broken');
      const jobs = [0, 1].map(() => scheduler.submit({ inputs: [ones(4)], pooling: 'mean' }));
      const outcomes = await Promise.allSettled(jobs);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(runner.mostComputing).toBe(2);
      runner.fail = undefined;
      expect(await scheduler.submit({ inputs: [ones(4)], pooling: 'mean' })).toHaveLength(1);
    });
  });

  it('answers each input of each job with its own rows, in batches within the limit', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 });
    const jobs = fc.array(fc.tuple(lengths, fc.constantFrom<Pooling>('mean', 'cls', 'none')), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(jobs, fc.integer({ min: 1, max: 64 }), fc.boolean(), async (specs, nUbatch, inBackground) => {
        const runner = new SummingRunner(inBackground, inBackground ? 2 : 1);
        const scheduler = new Scheduler(runner, nUbatch);
        const clients = ['a', 'b', undefined];
        const answers = await Promise.all(
          specs.map(([ns, pooling], j) =>
            scheduler.submit({ inputs: ns.map((n, i) => ones(n, i + j)), pooling, client: clients[j % 3] }),
          ),
        );
        for (const [j, [ns, pooling]] of specs.entries()) {
          for (const [i, n] of ns.entries()) {
            const expected = pooling === 'none' ? Array.from(ones(n, i + j)) : [n * (i + j), n];
            expect(Array.from(answers[j][i].values)).toEqual(expected);
          }
        }
        for (const { batch } of runner.batches) {
          expect(batch.ids.length <= nUbatch || batch.offsets.length === 2).toBe(true);
        }
      }),
    );
  });

  it('packs jobs that came in the same turn into one batch', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 100);
    await Promise.all([1, 2, 3].map((n) => scheduler.submit({ inputs: [ones(n)], pooling: 'mean' })));
    expect(sizes(runner)).toEqual([6]);
  });

  it('serves a short job in the next batch after a long one has begun', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 10);
    const order: string[] = [];
    const long = scheduler.submit({ inputs: Array.from({ length: 50 }, () => ones(5)), pooling: 'mean' });
    const longDone = long.then(() => order.push('long'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await scheduler.submit({ inputs: [ones(3)], pooling: 'mean' }).then(() => order.push('short'));
    await longDone;
    expect(order).toEqual(['short', 'long']);
  });

  it('gives each client the same share, however many calls it makes', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 8);
    const greedy = Array.from({ length: 30 }, () =>
      scheduler.submit({ inputs: [ones(2)], pooling: 'mean', client: 'greedy' }),
    );
    await scheduler.submit({ inputs: Array.from({ length: 6 }, () => ones(2, 9)), pooling: 'mean', client: 'modest' });
    expect(runner.batches.length).toBeLessThanOrEqual(4);
    for (const { batch } of runner.batches.slice(0, 3)) expect(batch.ids.filter((id) => id === 9)).toHaveLength(4);
    await Promise.all(greedy);
  });

  it('serves calls of one input in the order in which they came', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 6);
    const calls = Array.from({ length: 40 }, (_, i) =>
      scheduler.submit({ inputs: [ones(2, i)], pooling: 'mean', client: 'same' }),
    );
    await Promise.all(calls);
    expect(runner.batches.flatMap(({ batch }) => Array.from(batch.ids))).toEqual(
      Array.from({ length: 40 }, (_, i) => [i, i]).flat(),
    );
  });

  it('lets clients take turns where only one input fits into a batch', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 4);
    const submit = (value: number, client: string) =>
      scheduler.submit({ inputs: Array.from({ length: 5 }, () => ones(4, value)), pooling: 'mean', client });
    await Promise.all([submit(1, 'a'), submit(1, 'a'), submit(2, 'b'), submit(3, 'c')]);
    const values = runner.batches.map(({ batch }) => batch.ids[0]);
    expect(values.slice(0, 15).join('')).toBe('123'.repeat(5));
    expect(values.slice(15)).toEqual([1, 1, 1, 1, 1]);
  });

  it('keeps the turn of an input that did not fit', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 10);
    const submit = (n: number) => scheduler.submit({ inputs: [ones(n, n)], pooling: 'mean', client: String(n) });
    await Promise.all([6, 8, 4, 1].map(submit));
    expect(runner.batches.map(({ batch }) => Array.from(new Set(batch.ids)))).toEqual([
      [6, 4],
      [8, 1],
    ]);
  });

  it('counts what a call that was given up no longer asks for', async () => {
    const scheduler = new Scheduler(new SummingRunner(), 10);
    const giveUp = new AbortController();
    const inputs = Array.from({ length: 9 }, () => ones(5));
    const left = scheduler.submit({ inputs, pooling: 'mean', signal: giveUp.signal });
    const staying = scheduler.submit({ inputs, pooling: 'mean' });
    giveUp.abort(new Error('gone'));
    expect([scheduler.nWaiting, scheduler.nWaitingTokens]).toEqual([9, 45]);
    await expect(left).rejects.toThrow('gone');
    await staying;
    expect([scheduler.nWaiting, scheduler.nWaitingTokens]).toEqual([0, 0]);
  });

  it('reports each batch and what waits', async () => {
    const reports: BatchReport[] = [];
    const scheduler = new Scheduler(new SummingRunner(), 10, (report) => reports.push(report));
    const work = scheduler.submit({ inputs: [ones(4), ones(5), ones(6)], pooling: 'mean' });
    expect([scheduler.nWaiting, scheduler.nWaitingTokens]).toEqual([3, 15]);
    await work;
    expect([scheduler.nWaiting, scheduler.nWaitingTokens]).toEqual([0, 0]);
    expect(reports.map(({ nInputs, nTokens }) => [nInputs, nTokens])).toEqual([
      [2, 9],
      [1, 6],
    ]);
    expect(reports.every(({ seconds }) => seconds > 0 && seconds < 10)).toBe(true);
  });

  it('runs an input that is longer than the limit by itself', async () => {
    const runner = new SummingRunner();
    await new Scheduler(runner, 10).submit({ inputs: [ones(4), ones(25), ones(4)], pooling: 'mean' });
    expect(sizes(runner)).toEqual([4, 25, 4]);
  });

  it.each([
    [true, 6],
    [false, 5],
  ])(
    'drops what has not begun when the signal is aborted, and goes on with the others, elsewhere: %s',
    async (inBackground, nBatches) => {
      const runner = new SummingRunner(inBackground);
      const scheduler = new Scheduler(runner, 10);
      const controller = new AbortController();
      const inputs = Array.from({ length: 20 }, () => ones(10));
      const aborted = scheduler.submit({
        inputs,
        pooling: 'mean',
        signal: controller.signal,
        onTokens: (done) => done >= 30 && controller.abort(new Error('enough')),
      });
      const other = scheduler.submit({ inputs: [ones(10), ones(10)], pooling: 'mean' });
      await expect(aborted).rejects.toThrow('enough');
      await expect(other).resolves.toHaveLength(2);
      expect(sizes(runner)).toHaveLength(nBatches);
      expect(scheduler.nWaiting).toBe(0);
      await expect(scheduler.submit({ inputs, pooling: 'mean', signal: controller.signal })).rejects.toThrow('enough');
    },
  );

  it('rejects the jobs of a batch that failed and goes on with the next', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 10);
    runner.fail = new Error('no memory');
    await expect(scheduler.submit({ inputs: [ones(1)], pooling: 'mean' })).rejects.toThrow('no memory');
    runner.fail = undefined;
    await expect(scheduler.submit({ inputs: [ones(1)], pooling: 'mean' })).resolves.toHaveLength(1);
  });

  it('rejects what waits when it is closed', async () => {
    const runner = new SummingRunner();
    const scheduler = new Scheduler(runner, 10);
    const waiting = scheduler.submit({ inputs: [ones(10), ones(10)], pooling: 'mean' });
    const closed = scheduler.close(new Error('closed'));
    await expect(waiting).rejects.toThrow('closed');
    await closed;
    expect(runner.batches.length).toBeLessThan(2);
  });
});

it('a caller that asks again at once, without a worker, does not keep timers from the thread', async () => {
  /** Computes without waiting for anything. */
  class ImmediateRunner extends SummingRunner {
    override async run(batch: Batch): Promise<Float32Array> {
      return Float32Array.from(batch.ids.subarray(0, 2));
    }
  }
  const scheduler = new Scheduler(new ImmediateRunner(false), 8);
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 1);
  const start = performance.now();
  while (!fired && performance.now() - start < 10_000) {
    await scheduler.submit({ inputs: [Int32Array.of(1, 2)], pooling: 'mean' });
  }
  expect(fired).toBe(true);
});
