/** @file The wasm backend's promises about bits: the same for any batch, order and number of workers; and that a team ends. */
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../src/gguf/ggml-types.ts';
import {
  createWasmBackend,
  type PrepareOptions,
  Profile,
  prepareWasm,
  setThresholds,
  thresholdsFor,
  type WasmBackend,
} from '../../src/kernels/wasm/index.ts';
import { Speeds } from '../../src/kernels/wasm/speeds.ts';
import { shareGroups, splitsByColumns } from '../../src/kernels/wasm/split.ts';
import { Barrier, sequencesAreSplit, shareRows, teamSize } from '../../src/kernels/wasm/team.ts';
import type { Thresholds } from '../../src/kernels/wasm/thresholds.ts';
import type { Precision } from '../../src/tensor/backend.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import type { PoolKind, Tensor } from '../../src/tensor/ops.ts';
import { normal } from '../random.ts';
import { batchOf, load, type Sources, source, withTypes } from './graphs.ts';
import { encoder, graphs, layers, sizes } from './wasm-encoder.mjs';

const { nEmbd, nFf } = sizes;
const matrix = (name: string, nIn: number, nOut: number, seed: number, type: GgmlTypeName = 'F16'): Sources['x'] => [
  source(name, [nIn, nOut], normal(nIn * nOut, seed, 0.2), type),
  'matrix',
];
const sources: Sources = {
  tok: [source('tok', [nEmbd, 50], normal(nEmbd * 50, 1)), 'table'],
  types: [source('types', [nEmbd, 2], normal(nEmbd * 2, 12)), 'table'],
  norm: [source('norm', [nEmbd], normal(nEmbd, 2)), 'vector'],
  bias: [source('bias', [nFf], normal(nFf, 3)), 'vector'],
  qkv: matrix('qkv', nEmbd, 3 * nEmbd, 4, 'Q8_0'),
  out: matrix('out', nEmbd, nEmbd, 5),
  taps: [source('taps', [3, nEmbd], normal(3 * nEmbd, 14)), 'vector'],
  up: matrix('up', nEmbd, nFf, 6),
  down: matrix('down', nFf, nEmbd, 7, 'Q8_0'),
  merge: matrix('merge', 4 * nEmbd, nEmbd, 13),
  head: matrix('head', nEmbd, 5, 8),
  router: matrix('router', nEmbd, 3, 9),
  expertUp: [source('expertUp', [nEmbd, nFf, 3], normal(nEmbd * nFf * 3, 10, 0.2), 'F16'), 'matrix'],
  expertDown: [source('expertDown', [nFf, nEmbd, 3], normal(nFf * nEmbd * 3, 11, 0.2), 'Q8_0'), 'matrix'],
};

async function alone(precision: Precision) {
  const backend = await createWasmBackend({ precision });
  const weights = await load(backend, sources);
  return async (batch: Batch, pooling?: PoolKind) => {
    backend.ops.begin(batch);
    return backend.ops.read(encoder(backend.ops, weights, pooling));
  };
}

describe.each(['cls', 'last'] as const)('with %s pooling', (pooling) => {
  const plain = [[7, 33, 1, 18, 64], [50], [600], [1, 2]].map((lengths) => batchOf(lengths));
  const batches = [...plain, ...plain.map(withTypes)];

  it.each(['exact', 'high', 'fast'] as const)(
    'the one row of a sequence is what it is among all rows, %s',
    async (precision) => {
      const backend = await createWasmBackend({ precision });
      const weights = await load(backend, sources);
      const { ops } = backend;
      const linearMacs = async (forward: () => Promise<unknown>) => {
        backend.profile = new Profile();
        await forward();
        return backend.profile.entries.get('linear')!.macs;
      };
      for (const batch of batches) {
        let all: Float32Array = new Float32Array();
        let pooled: Float32Array = new Float32Array();
        const allMacs = await linearMacs(async () => {
          ops.begin(batch);
          all = await ops.read(layers(ops, weights));
        });
        ops.begin(batch);
        const hidden = layers(ops, weights);
        const pooledMacs = await linearMacs(async () => {
          pooled = await ops.read(ops.pool(hidden, pooling));
        });
        const [nTokens, nSeq] = [batch.ids.length, batch.offsets.length - 1];
        // Of the last layer all but keys, values and what is made with them.
        expect(allMacs - pooledMacs).toBe((nTokens - nSeq) * (nEmbd * nEmbd + 2 * nEmbd * nFf));
        for (let s = 0; s + 1 < batch.offsets.length; s++) {
          const token = pooling === 'cls' ? batch.offsets[s] : batch.offsets[s + 1] - 1;
          const row = all.slice(token * nEmbd, (token + 1) * nEmbd);
          expect(pooled.slice(s * nEmbd, (s + 1) * nEmbd)).toEqual(row);
        }
        expect(await ops.read(hidden)).toEqual(all);
      }
    },
  );

  it('all rows are computed for whoever reads more than one', async () => {
    const backend = await createWasmBackend({ precision: 'exact' });
    const weights = await load(backend, sources);
    const { ops } = backend;
    const [batch] = batches;
    const read = async (make: (hidden: Tensor) => Tensor) => {
      ops.begin(batch);
      return ops.read(make(layers(ops, weights)));
    };
    const [one, mean] = [await read((x) => ops.pool(x, pooling)), await read((x) => ops.pool(x, 'mean'))];
    const both = await read((x) => ops.add(ops.pool(x, pooling), ops.pool(x, 'mean')));
    expect(both).toEqual(one.map((value, i) => Math.fround(value + mean[i])));
  });

  it('the same bits on one to four workers, held up at random', async () => {
    const run = await alone('high');
    for (const options of [{}, { keepBlocks: true }]) {
      const team = await startTeam(4, 'high', options);
      for (const batch of batches) {
        const expected = await run(batch, pooling);
        for (const n of [1, 2, 3, 4]) {
          expect([n, (await team.run(n, batch, { pooling, jitter: true }))[0].values]).toEqual([n, expected]);
        }
      }
      await team.stop();
    }
  });
});

describe.each(['exact', 'high', 'fast'] as const)('same bits at %s', (precision) => {
  it('alone and in a batch', async () => {
    const run = await alone(precision);
    const whole = batchOf([7, 33, 1, 200, 64]);
    const together = await run(whole);
    for (const s of [4, 2, 0, 3, 1]) {
      const [begin, end] = [whole.offsets[s], whole.offsets[s + 1]];
      const one = await run({
        ids: whole.ids.slice(begin, end),
        positions: whole.positions.slice(begin, end),
        offsets: Int32Array.of(0, end - begin),
      });
      expect(one).toEqual(together.slice(s * 5, (s + 1) * 5));
    }
  });

  it('on one to four workers', async () => {
    const run = await alone(precision);
    const batches = [
      [50],
      [7, 33, 1, 18, 64],
      [600],
      [3],
      [140, 20, 300],
      Array.from({ length: 20 }, (_, i) => 1 + i),
    ].map((n) => batchOf(n));
    const team = await startTeam(4, precision);
    for (const batch of batches) {
      const expected = await run(batch);
      for (const n of [1, 2, 3, 4]) {
        const [values, ...others] = await team.run(n, batch);
        expect([n, values]).toEqual([n, { values: expected }]);
        expect(others.every(({ values }) => values?.length === 0)).toBe(true);
      }
    }
    await team.stop();
  });
});

describe.each([
  ['in the blocks of the file', { keepBlocks: true }],
  ['outside of WebAssembly memory', { keepBlocks: true, weightBytes: 2 ** 24, insideBytes: 0 }],
])('the same bits from weights %s', (_, options) => {
  it('on one to four workers', async () => {
    const run = await alone('high');
    const team = await startTeam(4, 'high', options);
    for (const batch of [[7, 33, 1, 18, 64], [2], [600]].map((lengths) => batchOf(lengths))) {
      const expected = await run(batch);
      for (const n of [1, 2, 3, 4]) expect([n, (await team.run(n, batch))[0].values]).toEqual([n, expected]);
    }
    await team.stop();
  });
});

describe('thresholds', () => {
  const never = { tokensPerWorker: 64, mostByColumns: 0 };
  const always = { tokensPerWorker: 4, mostByColumns: 1 << 20 };
  const batches = [[1], [7, 33, 1, 18, 64], [600], [140, 20, 300], [1, 2]].map((lengths) => batchOf(lengths));

  it.each([
    ['never by columns', never],
    ['always by columns', always],
  ])('%s: the same bits on one to four workers, held up at random', async (_, thresholds) => {
    for (const precision of ['exact', 'high', 'fast'] as const) {
      const run = await alone(precision);
      const team = await startTeam(4, precision, { thresholds });
      for (const batch of batches) {
        const expected = await run(batch);
        for (const n of [1, 2, 3, 4])
          expect([n, (await team.run(n, batch, { jitter: true }))[0].values]).toEqual([n, expected]);
      }
      await team.stop();
    }
  });

  it('and speeds of the workers change no bit', async () => {
    const run = await alone('high');
    const team = await startTeam(4, 'high');
    team.set(never);
    for (const milliseconds of [
      [10, 20, 40, 160],
      [900, 5, 10, 5],
    ]) {
      team.slow(milliseconds);
      for (const batch of batches) {
        const expected = await run(batch);
        for (const n of [2, 3, 4])
          expect([n, (await team.run(n, batch, { jitter: true }))[0].values]).toEqual([n, expected]);
      }
    }
    await team.stop();
  });

  it('that follow from what was measured change no bit, and a team goes on after it was measured', async () => {
    const run = await alone('high');
    const team = await startTeam(3, 'high');
    for (const batch of batches) expect((await team.run(3, batch))[0].values).toEqual(await run(batch));
    const [costs] = await team.measure();
    const { machine, model } = costs!;
    expect(model.nMatrices).toBe(Object.values(sources).filter(([, role]) => role === 'matrix').length);
    expect(model.unevenness).toBeGreaterThanOrEqual(1);
    for (const value of Object.values(machine)) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThan(1e6);
    }
    team.set(thresholdsFor(machine, model, 3));
    for (const batch of batches) expect((await team.run(3, batch))[0].values).toEqual(await run(batch));
    team.set(always);
    for (const batch of batches) expect((await team.run(3, batch))[0].values).toEqual(await run(batch));
    await team.stop();
  });

  it('are not measured where weights stay in blocks', async () => {
    const team = await startTeam(2, 'high', { keepBlocks: true });
    expect(await team.measure()).toEqual([undefined, undefined]);
    await team.stop();
  });
});

it('more workers than cores end in time, with the same bits', async () => {
  const run = await alone('high');
  const team = await startTeam(8, 'high');
  for (const batch of [[600], [200, 90], [40]].map((lengths) => batchOf(lengths))) {
    const expected = await run(batch);
    for (const n of [8, 5, 8]) expect([n, (await team.run(n, batch))[0].values]).toEqual([n, expected]);
  }
  await team.stop();
});

it('the same bits when workers are held up at random', async () => {
  for (const precision of ['exact', 'high'] as const) {
    const run = await alone(precision);
    const team = await startTeam(3, precision);
    for (const batch of [[25, 40], [7, 33, 1, 18, 64], [200]].map((lengths) => batchOf(lengths))) {
      const expected = await run(batch);
      for (let i = 0; i < 20; i++) {
        const n = 2 + (i % 2);
        expect([n, (await team.run(n, batch, { jitter: true }))[0].values]).toEqual([n, expected]);
      }
    }
    await team.stop();
  }
});

describe('workers that compute alone', () => {
  const batches = [[7, 33, 1], [64], [3], [20, 20, 20, 20], [200], [1, 2, 90], [5], [130, 4]].map((n) => batchOf(n));

  it.each(['exact', 'high', 'fast'] as const)(
    'at the same time give the same bits as one, %s, before and after forwards of the team',
    async (precision) => {
      const run = await alone(precision);
      const expected = await Promise.all(batches.map((batch) => run(batch)));
      const team = await startTeam(3, precision);
      const long = batchOf([600]);
      const ofLong = await run(long);
      for (let round = 0; round < 4; round++) {
        const order = [0, 1, 2].map((rank) => batches.map((_, i) => (i * (rank + 1) + round) % batches.length));
        const answers = await team.alone(order.map((list) => list.map((i) => batches[i])));
        for (const [rank, list] of order.entries()) {
          for (const [at, i] of list.entries()) {
            expect([rank, i, answers[rank][at]]).toEqual([rank, i, { values: expected[i] }]);
          }
        }
        // Its memory is larger each time, and reaches into that of the workers.
        for (const n of [2, 3]) expect((await team.run(n, long))[0].values).toEqual(ofLong);
        expect((await team.run(3, batches[round]))[0].values).toEqual(expected[round]);
      }
      await team.stop();
    },
  );

  it('have no weights in blocks', async () => {
    const team = await startTeam(2, 'high', { keepBlocks: true });
    expect((await team.alone([[batches[0]]]))[0][0].error).toMatch(/in blocks/);
    expect((await team.run(2, batches[0]))[0].error).toBeUndefined();
    await team.stop();
  });
});

describe('images', () => {
  /** Three images of 12, 30 and 2 tokens of four patches, in windows. */
  const patches = (): Batch => {
    const ends = [48, 168, 176];
    const n = ends[2];
    const batch = batchOf(Array.from({ length: n / 4 }, () => 4));
    return {
      ...batch,
      given: { values: normal(n * nEmbd, 21), width: nEmbd, at: Int32Array.from({ length: n }, (_, i) => i) },
      coordinates: Int32Array.from({ length: 4 * n }, (_, i) => (i * 3) % 11),
      spans: { image: Int32Array.of(0, ...ends), window: Int32Array.of(0, 16, 48, 80, 84, 140, 168, 176) },
      mixture: [{ rows: Int32Array.from({ length: n }, (_, i) => i % 50), weights: normal(n, 22) }],
    };
  };
  /** Texts, two of them with an image whose tokens see each other. */
  const texts = (): Batch => {
    const batch = batchOf([40, 9, 170]);
    const n = batch.ids.length;
    const images = [
      [5, 29],
      [60, 210],
    ];
    const at = new Int32Array(n).fill(-1);
    const ahead = new Int32Array(n);
    let next = 0;
    for (const [begin, end] of images) {
      for (let t = begin; t < end; t++) {
        at[t] = next++;
        ahead[t] = end - 1 - t;
      }
    }
    return {
      ...batch,
      given: { values: normal(next * nEmbd, 23), width: nEmbd, at },
      ahead,
      coordinates: Int32Array.from({ length: 4 * n }, (_, i) => (i * 5) % 17),
      poolFrom: Int32Array.of(29, 40, 212),
    };
  };

  it.each<[keyof typeof graphs, () => Batch, PoolKind | undefined]>([
    ['tower', patches, undefined],
    ['withImages', texts, 'mean'],
    ['withImages', texts, 'cls'],
    ['withImages', texts, 'last'],
  ])('%s: the same bits on one to four workers, held up at random', async (graph, make, pooling) => {
    const batch = make();
    for (const precision of ['exact', 'high'] as const) {
      const backend = await createWasmBackend({ precision });
      const weights = await load(backend, sources);
      backend.ops.begin(batch);
      const expected = await backend.ops.read(graphs[graph](backend.ops, weights, pooling));
      for (const options of [{}, { keepBlocks: true }]) {
        const team = await startTeam(4, precision, options);
        for (const n of [1, 2, 3, 4, 4, 3]) {
          const [{ values, error }] = await team.run(n, batch, { graph, pooling, jitter: true });
          expect(error).toBeUndefined();
          expect([n, values]).toEqual([n, expected]);
        }
        await team.stop();
      }
    }
  });
});

describe('short convolutions', () => {
  it.each(['mean', 'cls', 'last', 'none', 'weighted-mean', 'mean-sqrt-len'] as const)(
    '%s: the same bits on one to four workers',
    async (pooling) => {
      for (const lengths of [[600], [1, 2, 40, 3], [7]]) {
        const batch = batchOf(lengths);
        for (const precision of ['exact', 'high'] as const) {
          const backend = await createWasmBackend({ precision });
          const weights = await load(backend, sources);
          backend.ops.begin(batch);
          const expected = await backend.ops.read(graphs.convolutions(backend.ops, weights, pooling));
          for (const options of [{}, { keepBlocks: true }]) {
            const team = await startTeam(4, precision, options);
            for (const n of [1, 2, 3, 4]) {
              const [{ values, error }] = await team.run(n, batch, { graph: 'convolutions', pooling, jitter: true });
              expect(error).toBeUndefined();
              expect([n, values]).toEqual([n, expected]);
            }
            await team.stop();
          }
        }
      }
    },
  );
});

interface Answer {
  values?: Float32Array;
  costs?: ReturnType<WasmBackend['measure']>;
  error?: string;
}

/** A team of worker threads that have loaded the encoder. */
async function startTeam(nThreads: number, precision: Precision, options: PrepareOptions = {}) {
  const setup = await prepareWasm({ nThreads, ...options });
  const script = new URL('./wasm-worker.mjs', import.meta.url);
  const workers = Array.from(
    { length: nThreads },
    (_, rank) => new Worker(script, { workerData: { setup, rank, precision } }),
  );
  const ask = (rank: number, message: object) =>
    new Promise<Answer>((resolve, reject) => {
      workers[rank].once('error', reject);
      workers[rank].once('message', (answer) => {
        workers[rank].off('error', reject);
        resolve(answer);
      });
      workers[rank].postMessage(message);
    });
  const plain = await Promise.all(
    Object.values(sources).map(async ([from, role]) => {
      const bytes = new Uint8Array(from.byteLength);
      await from.read(0, bytes);
      return { name: from.name, type: from.type, shape: from.shape, bytes, role };
    }),
  );
  await Promise.all(workers.map((_, rank) => ask(rank, { sources: plain })));
  return {
    run: (
      team: number,
      batch: Batch,
      how: { failing?: number; jitter?: boolean; pooling?: PoolKind; graph?: keyof typeof graphs } = {},
    ) =>
      Promise.all(
        workers.slice(0, team).map((_, rank) => ask(rank, { batch, team, ...how, fail: rank === how.failing })),
      ),
    /** Each worker computes the batches of one list, one after the other. */
    alone: (batches: readonly (readonly Batch[])[]) =>
      Promise.all(
        batches.map(async (list, rank) => {
          const answers: Answer[] = [];
          for (const batch of list) answers.push(await ask(rank, { batch, isAlone: true, jitter: true }));
          return answers;
        }),
      ),
    measure: async () =>
      (await Promise.all(workers.map((_, rank) => ask(rank, { measure: true })))).map(({ costs }) => costs),
    set: (thresholds: Thresholds) => setThresholds(setup, thresholds),
    /** Has the first ranks take so many milliseconds for the same rows. */
    slow: (milliseconds: readonly number[]) => {
      const ranks = milliseconds.map((_, rank) => new Speeds(setup.memory, rank));
      for (let i = 0; i < 60; i++) {
        for (const [rank, speeds] of ranks.entries()) speeds.note(100, milliseconds[rank]);
        ranks[0].update(milliseconds.length);
      }
    },
    stop: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}

it('a worker that fails ends the forward of the others, and the team goes on', async () => {
  const team = await startTeam(3, 'high');
  for (const batch of [[600], [60]].map((lengths) => batchOf(lengths))) {
    const [expected] = await team.run(3, batch);
    for (const failing of [0, 1, 2]) {
      const answers = await team.run(3, batch, { failing });
      expect(answers[failing].error).toBe('worker fell over');
      for (const { error } of answers) expect(error).toMatch(/worker/);
      expect((await team.run(3, batch))[0]).toEqual(expected);
    }
  }
  await team.stop();
});

it('the words of a barrier share no cache line, nor a pair of them', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const barrier = new Barrier(memory);
  barrier.wait(1);
  barrier.leave(2);
  expect(() => barrier.wait(2)).toThrow('another worker of the team has failed');
  const places = [...new Int32Array(memory.buffer).entries()].filter(([, word]) => word !== 0).map(([at]) => at * 4);
  expect(places).toHaveLength(4);
  expect(new Set(places.map((at) => Math.floor(at / 128))).size).toBe(4);
});

describe('shares', () => {
  const even = (n: number) => new Array<number>(n).fill(1);
  const offsets = (...lengths: number[]) => batchOf(lengths).offsets;

  it('cover all tokens in order', () => {
    for (const lengths of [[1], [5, 5], [100, 3, 2], [1, 1, 1, 1, 200], [512]]) {
      for (const n of [1, 2, 3, 7]) {
        for (const shares of [shareRows(offsets(...lengths), even(n), 2500), shareGroups(offsets(...lengths), n)]) {
          expect(shares).toHaveLength(n);
          let [token, sequence] = [0, 0];
          for (const share of shares) {
            expect([share.tokens, share.sequences]).toEqual([token, sequence]);
            [token, sequence] = [share.tokensEnd, share.sequencesEnd];
          }
          expect([token, sequence]).toEqual([lengths.reduce((a, b) => a + b), lengths.length]);
        }
      }
    }
  });

  it('keep sequences whole where that costs little', () => {
    const many = offsets(...Array.from({ length: 32 }, () => 30));
    expect(sequencesAreSplit(many, shareRows(many, [1, 1], 2500))).toBe(false);
    const one = offsets(100);
    expect(sequencesAreSplit(one, shareRows(one, [1, 1], 2500))).toBe(true);
  });

  it('are whole groups of 4 rows where products are divided by columns', () => {
    for (const n of [2, 3, 5]) {
      for (const { tokens } of shareGroups(offsets(7, 33, 1, 18, 64), n)) expect(tokens % 4).toBe(0);
    }
    const divided = [8, 17, 96, 97].map((tokens) => splitsByColumns(tokens, 2, false));
    expect(divided).toEqual([true, true, true, false]);
    expect([splitsByColumns(2000, 2, true), splitsByColumns(2000, 1, true)]).toEqual([true, false]);
  });

  it('wake nobody for a short text', () => {
    expect([7, 12, 512].map((tokens) => teamSize(tokens, 8, false))).toEqual([1, 3, 8]);
    expect(teamSize(3, 8, true)).toBe(8);
  });
});
