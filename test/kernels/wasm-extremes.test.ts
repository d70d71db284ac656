/** @file Values and sizes at the edge: infinities, NaN, subnormals, huge and tiny rows, models that do not fit, misuse. */
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { OutsideMemory, reserveOutside } from '../../src/kernels/wasm/outside-memory.ts';
import type { Precision } from '../../src/tensor/backend.ts';
import { normal } from '../random.ts';
import { batchOf, countingBatch, type Graph, load, type Sources, source } from './graphs.ts';
import { both, distance } from './wasm-helpers.ts';

const [k, n] = [100, 20];

/** Five tokens; row `t` of the table is token t's input. */
function inputs(change: (table: Float32Array) => void): Sources {
  const table = normal(k * 50, 1);
  change(table);
  return {
    x: [source('x', [k, 50], table), 'table'],
    w: [source('w', [k, n], normal(k * n, 2, 0.1)), 'matrix'],
    norm: [source('norm', [k], normal(k, 3)), 'vector'],
  };
}

const batch = {
  ids: Int32Array.of(0, 1, 2, 3, 4),
  positions: Int32Array.of(0, 1, 2, 3, 4),
  offsets: Int32Array.of(0, 5),
};

describe.each<Precision>(['exact', 'high'])('a product at %s', (precision) => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'passes %d on, in its own row only',
    async (value) => {
      const sources = inputs((table) => {
        table[2 * k + 7] = value;
      });
      const { wasm, reference } = await both(
        sources,
        batch,
        (ops, w) => ops.linear(ops.embedding(w.x, 'ids'), { weight: w.w }),
        {
          precision,
        },
      );
      expect(wasm.subarray(2 * n, 3 * n).every((y) => !Number.isFinite(y))).toBe(true);
      for (const row of [0, 1, 3, 4]) {
        expect(distance(wasm.slice(row * n, (row + 1) * n), reference.slice(row * n, (row + 1) * n))).toBeLessThan(
          1e-3,
        );
      }
    },
  );

  it.each([1e-42, 1e-36, 1e-20, 1e20, 1e34])('has rows of size %d beside rows of size 1', async (size) => {
    const sources = inputs((table) => {
      for (let i = k; i < 2 * k; i++) table[i] *= size;
    });
    const { wasm, reference } = await both(
      sources,
      batch,
      (ops, w) => ops.linear(ops.embedding(w.x, 'ids'), { weight: w.w }),
      {
        precision,
      },
    );
    for (let row = 0; row < 5; row++) {
      const [a, b] = [wasm, reference].map((values) => values.slice(row * n, (row + 1) * n));
      if (row !== 1 || size > 1e-30) expect(distance(a, b)).toBeLessThan(1e-3);
      else expect(a.every((y) => Math.abs(y) < 1e-30)).toBe(true);
    }
  });
});

describe('NaN in', () => {
  const withNaN = inputs((table) => {
    table[3 * k] = Number.NaN;
  });
  const rowsWithNaN = (values: Float32Array, cols: number) =>
    Array.from({ length: values.length / cols }, (_, r) =>
      values.subarray(r * cols, (r + 1) * cols).some(Number.isNaN),
    );

  it('norm, activation and softmax stays in its row', async () => {
    const backend = await createWasmBackend();
    const w = await load(backend, withNaN);
    const { ops } = backend;
    for (const op of [
      () => ops.norm(ops.embedding(w.x, 'ids'), { weight: w.norm }, { kind: 'layer', eps: 1e-5 }),
      () => ops.norm(ops.embedding(w.x, 'ids'), { weight: w.norm }, { kind: 'rms', eps: 1e-5 }),
      () => ops.softmax(ops.embedding(w.x, 'ids')),
      () => ops.activate(ops.embedding(w.x, 'ids'), 'gelu'),
      () => ops.activate(ops.embedding(w.x, 'ids'), 'silu'),
      () => ops.activate(ops.embedding(w.x, 'ids'), 'relu'),
      () => ops.activate(ops.embedding(w.x, 'ids'), 'tanh'),
    ]) {
      ops.begin(batch);
      expect(rowsWithNaN(await ops.read(op()), k)).toEqual([false, false, false, true, false]);
    }
  });

  it('a row reaches what the maximum of rows is pooled to', async () => {
    for (const backend of [await createWasmBackend(), await createReferenceBackend()]) {
      const w = await load(backend, withNaN);
      backend.ops.begin({ ...batch, positions: Int32Array.of(0, 1, 0, 1, 2), offsets: Int32Array.of(0, 2, 5) });
      const pooled = await backend.ops.read(backend.ops.pool(backend.ops.embedding(w.x, 'ids'), 'max'));
      expect(rowsWithNaN(pooled, k)).toEqual([false, true]);
    }
  });

  it('attention reaches every row of its sequence and no other sequence', async () => {
    const backend = await createWasmBackend();
    const w = await load(backend, withNaN);
    backend.ops.begin({ ...batch, positions: Int32Array.of(0, 1, 0, 1, 2), offsets: Int32Array.of(0, 2, 5) });
    const x = backend.ops.embedding(w.x, 'ids');
    const y = await backend.ops.read(backend.ops.attention(x, x, x, { nHead: 5, nHeadKv: 5, scale: 0.2 }));
    expect(rowsWithNaN(y, k)).toEqual([false, false, true, true, true]);
  });

  it('the same holds for keys and values in int16', async () => {
    const backend = await createWasmBackend();
    const w = await load(backend, withNaN);
    const tokens = batchOf([130, 150], 50);
    const ids = tokens.ids.map((_, i) => (i === 200 ? 3 : i % 3));
    backend.ops.begin({ ...tokens, ids });
    const x = backend.ops.embedding(w.x, 'ids');
    const y = await backend.ops.read(backend.ops.attention(x, x, x, { nHead: 5, nHeadKv: 5, scale: 0.2 }));
    expect(rowsWithNaN(y, k)).toEqual(Array.from(ids, (_, i) => i >= 130));
  });
});

it.each(['layer', 'rms'] as const)(
  '%s norm of rows whose squares float32 does not hold is NaN, not 0',
  async (kind) => {
    const sources = inputs((table) => {
      for (let i = k; i < 2 * k; i++) table[i] *= 1e25;
    });
    const { wasm, reference } = await both(sources, batch, (ops, w) =>
      ops.norm(ops.embedding(w.x, 'ids'), { weight: w.norm }, { kind, eps: 1e-5 }),
    );
    for (const values of [wasm, reference]) {
      expect(values.subarray(k, 2 * k).every(Number.isNaN)).toBe(true);
      expect(values.subarray(0, k).every(Number.isFinite)).toBe(true);
    }
  },
);

it('int16 attention of values that are all at their limit', async () => {
  const tokens = batchOf([128, 260]);
  for (const scale of [0, 0.01, 1]) {
    const sources = inputs((table) => {
      for (let i = 0; i < table.length; i++) table[i] = Math.floor(i / k) % 2 ? 3 : -3;
    });
    const { wasm, reference } = await both(
      sources,
      tokens,
      (ops, w) => {
        const x = ops.embedding(w.x, 'ids');
        return ops.attention(x, x, x, { nHead: 2, nHeadKv: 2, scale });
      },
      { precision: 'high' },
    );
    expect(distance(wasm, reference)).toBeLessThan(1e-3);
  }
});

it('int16 attention gives masked keys no share, however small the shares of the others are', async () => {
  // Key 0 has nearly all shares and no value; keys of the second block share 2⁻⁸⁴, and most of what they add up to is masked.
  const [nKeys, size] = [160, 4];
  const score = (j: number) => (j === 0 ? 58.3 : j < 128 ? -500 : 0);
  const value = (j: number) => (j < 128 ? 0 : j < 136 ? 1 : 819);
  const table = Float32Array.from({ length: nKeys * 3 * size }, (_, i) => {
    const [j, c] = [Math.floor(i / (3 * size)), i % (3 * size)];
    if (c % size > 0) return 0;
    return c === 0 ? 1 : c === size ? score(j) : value(j);
  });
  const graph: Graph = (ops, w) => {
    const x = ops.embedding(w.x, 'ids');
    const [q, key, v] = [0, 1, 2].map((i) => ops.columns(x, i * size, size));
    return ops.attention(q, key, v, { nHead: 1, nHeadKv: 1, scale: 1, causal: true });
  };
  const { wasm, reference } = await both(
    { x: [source('x', [3 * size, nKeys], table), 'table'] },
    countingBatch([nKeys]),
    graph,
    { precision: 'high' },
  );
  const [first, end] = [128 * size, 136 * size];
  expect(Math.max(...reference.subarray(first, end))).toBeLessThan(1e-24);
  expect(distance(wasm.slice(first, end), reference.slice(first, end))).toBeLessThan(0.002);
});

describe('int16 attention with scores that differ from block to block', () => {
  const nKeys = 640;
  const growing = Int32Array.from({ length: nKeys }, (_, i) => Math.floor((i * 50) / nKeys));
  const alike = Int32Array.from({ length: nKeys }, (_, i) => (i === 400 ? 49 : i % 10));
  it.each([
    ['grow', growing],
    ['shrink', growing.toReversed()],
    ['have one far above the others', alike],
  ] as const)('as they %s', async (_, ids) => {
    // Token t is t times the same row, give or take a little, so that a score is about the product of both tokens.
    const noise = normal(k * 50, 5);
    const sources = inputs((table) => {
      for (let i = 0; i < table.length; i++) table[i] = Math.floor(i / k) * (1 + 0.1 * noise[i]);
    });
    const tokens = { ...batchOf([nKeys]), ids };
    for (const scale of [0.0005, 0.01, 0.2]) {
      for (const causal of [false, true]) {
        const { wasm, reference } = await both(
          sources,
          tokens,
          (ops, w) => {
            const x = ops.embedding(w.x, 'ids');
            return ops.attention(x, x, x, { nHead: 2, nHeadKv: 2, scale, causal });
          },
          { precision: 'high' },
        );
        expect(distance(wasm, reference)).toBeLessThan(1e-3);
      }
    }
  });
});

describe('refuses', () => {
  it('a model that does not fit 32-bit addresses, before it reads anything', async () => {
    const backend = await createWasmBackend();
    const [from] = inputs(() => {}).w;
    const huge = { ...from, name: 'blk.0.ffn_up.weight', shape: [40000, 60000], byteLength: 40000 * 60000 * 4 };
    expect(() => backend.allocate(huge, 'matrix')).toThrow(/blk\.0\.ffn_up\.weight needs 4\.47 GiB .* limit is 4 GiB/);
  });

  it('more than 2 GiB only where the runtime has no more', async () => {
    const backend = await createWasmBackend({ setup: await prepareWasm({ keepBlocks: true }) });
    const [from] = inputs(() => {}).w;
    const part = { ...from, shape: [4096, 65536], byteLength: 4096 * 65536 * 4 };
    for (let i = 0; i < 3; i++) backend.allocate({ ...part, name: `w${i}` }, 'matrix');
    expect(() => backend.allocate({ ...part, name: 'w3' }, 'matrix')).toThrow(/w3 needs 4\.00 GiB/);
  });

  it('ids outside the table, tensors of an earlier forward, weights of another shape', async () => {
    const backend = await createWasmBackend();
    const w = await load(
      backend,
      inputs(() => {}),
    );
    const { ops } = backend;
    ops.begin({ ...batch, ids: Int32Array.of(0, 1, 50, 3, 4) });
    expect(() => ops.embedding(w.x, 'ids')).toThrow('x has 50 rows; row 50 does not exist');
    ops.begin(batch);
    const old = ops.embedding(w.x, 'ids');
    ops.begin(batch);
    expect(() => ops.add(old, old)).toThrow(/does not belong to the running forward/);
    expect(() => ops.linear(ops.embedding(w.x, 'ids'), { weight: w.norm, bias: w.w })).toThrow(
      /w has shape \[100,20\]; the operation needs \[1\]/,
    );
    expect(() => ops.begin({ ...batch, offsets: Int32Array.of(0, 3, 3, 5) })).toThrow(/inconsistent batch/);
  });
});

it('values can be read in any order, also after later operations have used their memory', async () => {
  const backend = await createWasmBackend();
  const w = await load(
    backend,
    inputs(() => {}),
  );
  const { ops } = backend;
  ops.begin(batchOf([5]));
  const chain = [ops.embedding(w.x, 'ids')];
  for (let i = 0; i < 6; i++) chain.push(ops.activate(chain[i], 'tanh'));
  const last = await ops.read(chain[6]);
  const first = await ops.read(chain[0]);
  expect(await ops.read(chain[6])).toEqual(last);
  expect(first).not.toEqual(last);
  chain.push(ops.add(chain[0], chain[6]));
  expect(await ops.read(chain[7])).toEqual(first.map((value, i) => Math.fround(value + last[i])));
});

it('bytes outside of the memory may lie across two of its buffers', () => {
  const outside = new OutsideMemory(reserveOutside(2 ** 30 + 4096, 0, false));
  expect(outside.allocate(2 ** 30 - 10, 'first')).toBe(0);
  expect(outside.allocate(100, 'second')).toBe(2 ** 30);
  expect(() => outside.allocate(4096, 'third')).toThrow(/third does not fit/);
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i + 1);
  const at = 2 ** 30 - 17;
  outside.write(at, bytes);
  const back = new Uint8Array(42);
  outside.read(at - 1, back);
  expect(Array.from(back)).toEqual([0, ...bytes, 0]);
});

it('a model beyond 2 GiB has the same bits: addresses are unsigned', async () => {
  const sources = inputs(() => {});
  const run = async (before: number) => {
    const backend = await createWasmBackend({ setup: await prepareWasm({ keepBlocks: true }) });
    // Address space that nothing touches.
    const unused = { ...sources.x[0], name: 'unused', shape: [1024, before], byteLength: before * 4096 };
    if (before > 0) backend.allocate(unused, 'table');
    const w = await load(backend, sources);
    const { ops } = backend;
    ops.begin(batch);
    const x = ops.norm(ops.embedding(w.x, 'ids'), { weight: w.norm }, { kind: 'layer', eps: 1e-5 });
    const mixed = ops.attention(x, x, x, { nHead: 5, nHeadKv: 5, scale: 0.2, alibiMaxBias: 8 });
    const values = await ops.read(ops.pool(ops.linear(mixed, { weight: w.w }, { activation: 'gelu' }), 'mean'));
    return { values, bytes: backend.memoryBytes };
  };
  const { values, bytes } = await run(640 * 1024);
  expect(bytes).toBeGreaterThan(2.5 * 2 ** 30);
  expect(values).toEqual((await run(0)).values);
});
