import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { alibiSlopes, disentangledRow, relativeBucket } from '../../src/tensor/positions.ts';
import { countingBatch } from './graphs.ts';
import { bench, filled } from './reference-support.ts';

/** Equal rows to `digits` decimals. */
function expectRows(rows: number[][], expected: number[][], digits = 5): void {
  expect(rows.length).toBe(expected.length);
  rows.forEach((row, r) => {
    expect(row.length).toBe(expected[r].length);
    row.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[r][i], digits);
    });
  });
}

describe('embedding', () => {
  it('looks up ids, positions and row 0, scales and then adds', async () => {
    const { ops, weight, read } = await bench(2, 1);
    const table = await weight([2, 3], [1, 2, 3, 4, 5, 6], 'table');
    const ids = ops.embedding(table, 'ids');
    expect(await read(ids)).toEqual([[1, 2], [3, 4], [5, 6]]); // biome-ignore format: a matrix
    expect(await read(ops.embedding(table, 'positions'))).toEqual([[1, 2], [3, 4], [1, 2]]); // biome-ignore format: a matrix
    const sum = ops.embedding(table, 'zero', { scale: 10, add: ids });
    expect(await read(sum)).toEqual([[11, 22], [13, 24], [15, 26]]); // biome-ignore format: a matrix
  });

  it('looks up token types, row 0 for a batch without any', async () => {
    const { ops, weight, read } = await bench(2, 1);
    const table = await weight([2, 3], [1, 2, 3, 4, 5, 6], 'table');
    expect(await read(ops.embedding(table, 'types'))).toEqual([[1, 2], [1, 2], [1, 2]]); // biome-ignore format: a matrix
    ops.begin({ ...countingBatch([2, 1]), types: Int32Array.of(0, 1, 1) });
    expect(await read(ops.embedding(table, 'types'))).toEqual([[1, 2], [3, 4], [3, 4]]); // biome-ignore format: a matrix
    expect(() => ops.begin({ ...countingBatch([2, 1]), types: Int32Array.of(0, 1) })).toThrow('2 token types');
  });

  it('refuses a row that the table does not have', async () => {
    const { ops, weight } = await bench(3);
    const table = await weight([2, 2], [1, 2, 3, 4], 'table');
    expect(() => ops.embedding(table, 'ids')).toThrow('has 2 rows; row 2 does not exist');
  });
});

describe('short convolution', () => {
  const bcx = [[1, 2, 3], [10, 1, 2], [100, 3, 1], [5, 1, 1]]; // biome-ignore format: a matrix

  it('adds the rows under its taps, first · third part, times the second, inside each sequence', async () => {
    const { ops, weight, tensor, read } = await bench(3, 1);
    const x = await tensor(bcx);
    const kernel = await weight([3, 1], [1, 10, 100], 'vector');
    // b · x is 3, 20, 100 in the first sequence and 5 in the second.
    const causal = ops.shortConv(x, kernel, { causal: true });
    expect(await read(causal)).toEqual([[2 * 300], [2000 + 30], [3 * (10000 + 200 + 3)], [500]]);
    const centred = ops.shortConv(x, kernel, { causal: false });
    expect(await read(centred)).toEqual([[2 * (30 + 2000)], [3 + 200 + 10000], [3 * (20 + 1000)], [50]]);
  });

  it('of an even number of taps has its token before the middle', async () => {
    const { ops, weight, tensor, read } = await bench(3, 1);
    const y = ops.shortConv(await tensor(bcx), await weight([2, 1], [1, 10], 'vector'), { causal: false });
    expect(await read(y)).toEqual([[2 * (3 + 200)], [20 + 1000], [3 * 100], [5]]);
  });

  it('refuses a kernel of another width', async () => {
    const { ops, weight, tensor } = await bench(3, 1);
    const x = await tensor(bcx);
    const kernel = await weight([3, 2], [1, 2, 3, 4, 5, 6], 'vector');
    expect(() => ops.shortConv(x, kernel, { causal: true })).toThrow('has shape [3,2]; the operation needs [3,1]');
  });
});

describe('unfold', () => {
  it('puts the rows around each token side by side, zeros beyond the ends of its sequence', async () => {
    const { ops, tensor, read } = await bench(3, 1);
    const x = await tensor([[1, 2], [3, 4], [5, 6], [7, 8]]); // biome-ignore format: a matrix
    const three = [[0, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 0, 0], [0, 0, 7, 8, 0, 0]]; // biome-ignore format: a matrix
    expect(await read(ops.unfold(x, 3))).toEqual(three);
    const two = [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 0, 0], [7, 8, 0, 0]]; // biome-ignore format: a matrix
    expect(await read(ops.unfold(x, 2))).toEqual(two);
    expect(await read(ops.unfold(x, 1))).toEqual(await read(x));
  });
});

describe('linear', () => {
  it('multiplies, scales, adds the bias, activates and adds the residual, in this order', async () => {
    const { ops, weight, tensor, read } = await bench(2);
    const x = await tensor([[1, 2], [-3, 4]]); // biome-ignore format: a matrix
    const layer = {
      weight: await weight([2, 2], [1, 1, 1, -1]),
      bias: await weight([2], [1, 2], 'vector'),
      scale: await weight([1], [2], 'vector'),
    };
    expect(await read(ops.linear(x, layer))).toEqual([[7, 0], [3, -12]]); // biome-ignore format: a matrix
    const y = ops.linear(x, layer, { activation: 'relu', residual: x });
    expect(await read(y)).toEqual([[8, 2], [0, 4]]); // biome-ignore format: a matrix
  });

  it('takes views of columns', async () => {
    const { ops, weight, tensor, read } = await bench(1);
    const x = await tensor([[1, 2, 3, 4]]);
    const layer = { weight: await weight([2, 1], [10, 1]) };
    expect(await read(ops.linear(ops.columns(x, 1, 2), layer))).toEqual([[23]]);
    expect(() => ops.columns(x, 3, 2)).toThrow('columns [3, 5) do not exist in a matrix of width 4');
  });

  it('refuses a weight that does not fit', async () => {
    const { ops, weight, tensor } = await bench(1);
    const layer = { weight: await weight([3, 1], [1]) };
    const x = await tensor([[1, 2]]);
    expect(() => ops.linear(x, layer)).toThrow('w3x1 has shape [3,1]; the operation needs [2,1]');
  });
});

describe('norm', () => {
  it('layer: to mean 0 and variance 1, then weight and bias', async () => {
    const { ops, weight, tensor, read } = await bench(1);
    const x = await tensor([[1, 3]]);
    const weights = { weight: await weight([2], [2, 3], 'vector'), bias: await weight([2], [0.5, 0], 'vector') };
    expectRows(await read(ops.norm(x, weights, { kind: 'layer', eps: 0 })), [[-1.5, 3]]);
    expectRows(await read(ops.norm(x, weights, { kind: 'layer', eps: 3 })), [[-0.5, 1.5]]);
    const residual = await tensor([[1, -1]]);
    expectRows(await read(ops.norm(x, weights, { kind: 'layer', eps: 1, residual })), [[0.5, 0]]);
  });

  it('rms: divides by the root of the mean square, per group', async () => {
    const { ops, weight, tensor, read } = await bench(1);
    const x = await tensor([[1, 7, 6, 8]]);
    const whole = { weight: await weight([4], [1], 'vector') };
    const root = Math.sqrt((1 + 49 + 36 + 64) / 4);
    expectRows(await read(ops.norm(x, whole, { kind: 'rms', eps: 0 })), [[1, 7, 6, 8].map((v) => v / root)]);
    const half = { weight: await weight([2], [5, 10], 'vector') };
    const rows = await read(ops.norm(x, half, { kind: 'rms', eps: 0, groups: 2 }));
    expectRows(rows, [[1, 14, (5 * 6) / Math.sqrt(50), (10 * 8) / Math.sqrt(50)]]);
  });
});

describe('element-wise', () => {
  it('has the functions of llama.cpp', async () => {
    const { ops, tensor, read } = await bench(1);
    const x = await tensor([[-1, 0, 2]]);
    expectRows(await read(ops.activate(x, 'gelu')), [[-0.158808, 0, 1.954598]]);
    expectRows(await read(ops.activate(x, 'silu')), [[-0.268941, 0, 1.761594]]);
    expectRows(await read(ops.activate(x, 'relu')), [[0, 0, 2]]);
    expectRows(await read(ops.activate(x, 'tanh')), [[-0.761594, 0, 0.964028]]);
    expectRows(await read(ops.activate(x, 'gelu_erf')), [[-0.158655, 0, 1.9545]]);
    expectRows(await read(ops.glu(x, x, 'relu')), [[0, 0, 4]]);
    expectRows(await read(ops.add(x, x)), [[-2, 0, 4]]);
    expectRows(await read(ops.softmax(x)), [[0.04201, 0.114195, 0.843795]]);
  });

  it('keeps softmax finite for large scores', async () => {
    const { ops, tensor, read } = await bench(1);
    expect(await read(ops.softmax(await tensor([[1000, 1000]])))).toEqual([[0.5, 0.5]]);
  });
});

describe('rope', () => {
  it('rotates adjacent pairs or halves, and copies the rest of each head', async () => {
    const { ops, tensor, read } = await bench(2);
    const row = [1, 0, 0, 1, 9, 0, 1, 1, 0, 9];
    const x = await tensor([row, row]);
    const [c0, s0, c1, s1] = [Math.cos(1), Math.sin(1), Math.cos(0.1), Math.sin(0.1)];
    const options = { nHead: 2, nRot: 4, freqBase: 100 };
    const [first, second] = await read(ops.rope(x, { ...options, kind: 'norm' }));
    expect(first).toEqual(row);
    expectRows([second], [[c0, s0, -s1, c1, 9, -s0, c0, c1, s1, 9]]);
    const [, neox] = await read(ops.rope(x, { ...options, kind: 'neox' }));
    expectRows([neox], [[c0, -s1, s0, c1, 9, -s0, c1, c0, s1, 9]]);
  });

  it('scales angles and divides them by factors', async () => {
    const { ops, weight, tensor, read } = await bench(2);
    const x = await tensor([[1, 0, 1, 0], [1, 0, 1, 0]]); // biome-ignore format: a matrix
    const freqFactors = await weight([2], [4, 0.5], 'vector');
    const options = { nHead: 1, nRot: 4, kind: 'norm', freqBase: 100, freqScale: 0.5, freqFactors } as const;
    const [, row] = await read(ops.rope(x, options));
    expectRows([row], [[Math.cos(0.125), Math.sin(0.125), Math.cos(0.1), Math.sin(0.1)]]);
  });

  it('keeps fast pairs and stretches slow ones with YaRN, larger by its magnitude', async () => {
    const { ops, tensor, read } = await bench(2);
    const x = await tensor([[1, 0, 1, 0], [1, 0, 1, 0]]); // biome-ignore format: a matrix
    // low = floor(4 ln(64 / (2π · 10)) / 2 ln 100) = 0, high = ceil(4 ln(64 / (2π · 1)) / 2 ln 100) = 2: pair 1 is half way.
    const yarn = { extFactor: 1, attnFactor: 1, betaFast: 10, betaSlow: 1, nCtxOrig: 64 };
    const options = { nHead: 1, nRot: 4, kind: 'norm', freqBase: 100, freqScale: 0.25, yarn } as const;
    const [, row] = await read(ops.rope(x, options));
    const m = 1 + 0.1 * Math.log(4);
    const slow = 0.5 * 0.25 * 0.1 + 0.5 * 0.1;
    expectRows([row], [[Math.cos(1) * m, Math.sin(1) * m, Math.cos(slow) * m, Math.sin(slow) * m]]);
  });
});

describe('attention', () => {
  /** Values are one-hot by token, so that the result is the row of probabilities. */
  async function probabilities(lengths: number[], score: number[][], options: object): Promise<number[][]> {
    const total = lengths.reduce((sum, n) => sum + n, 0);
    const { ops, tensor, read } = await bench(...lengths);
    const hot = Array.from({ length: total }, (_, i) => Array.from({ length: total }, (_, j) => (i === j ? 1 : 0)));
    const q = await tensor(score);
    const k = await tensor(hot);
    return read(ops.attention(q, k, await tensor(hot), { nHead: 1, nHeadKv: 1, scale: 1, ...options }));
  }
  const softmax = (scores: number[]) => {
    const powers = scores.map(Math.exp);
    return powers.map((power) => power / powers.reduce((sum, p) => sum + p, 0));
  };
  const ln = Math.log;
  const forbidden = Number.NEGATIVE_INFINITY;

  it('is softmax(scale · QKᵀ) V', async () => {
    const rows = await probabilities([2], [[2, 0], [0, 4]], { scale: 0.5 }); // biome-ignore format: a matrix
    expectRows(rows, [softmax([1, 0]), softmax([0, 2])]);
  });

  it('sees the tokens of its own sequence only', async () => {
    const rows = await probabilities([1, 2], [[5, 5, 5], [5, 1, 1], [5, 1, 1]], {}); // biome-ignore format: a matrix
    expectRows(rows, [[1, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]]); // biome-ignore format: a matrix
  });

  it('masks later tokens when causal', async () => {
    const zero = [0, 0, 0];
    const rows = await probabilities([3], [zero, zero, zero], { causal: true });
    expectRows(rows, [[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]); // biome-ignore format: a matrix
  });

  it('has windows to both sides or back only', async () => {
    const zero = [0, 0, 0, 0];
    const zeros = [zero, zero, zero, zero];
    const both = await probabilities([4], zeros, { window: { kind: 'symmetric', size: 3 } });
    expectRows(both.slice(0, 2), [softmax([0, 0, forbidden, forbidden]), softmax([0, 0, 0, forbidden])]);
    const back = await probabilities([4], zeros, { causal: true, window: { kind: 'standard', size: 2 } });
    expectRows(back.slice(2), [[0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5]]); // biome-ignore format: a matrix
  });

  it('lowers distant scores with ALiBi', async () => {
    const rows = await probabilities([2], [[0, 0], [0, 0]], { alibiMaxBias: 8 }); // biome-ignore format: a matrix
    expectRows(rows, [softmax([0, -(2 ** -8)]), softmax([-(2 ** -8), 0])]);
    expect([...alibiSlopes(8, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((j) => 2 ** -j));
    expect(Array.from(alibiSlopes(6, 8), Math.log2)).toEqual([-2, -4, -6, -8, -1, -3]);
  });

  it('caps scores softly before the mask', async () => {
    const rows = await probabilities([2], [[9, 0], [0, 9]], { softcap: 2, causal: true }); // biome-ignore format: a matrix
    expectRows(rows, [[1, 0], softmax([0, 2 * Math.tanh(4.5)])]);
  });

  it('adds the bias of the distance bucket', async () => {
    const { ops, weight, tensor, read } = await bench(2);
    const zeros = await tensor([[0, 0], [0, 0]]); // biome-ignore format: a matrix
    const hot = await tensor([[1, 0], [0, 1]]); // biome-ignore format: a matrix
    // 8 buckets, 1 head: distance 0 is bucket 0, one back bucket 1, one ahead bucket 5.
    const relativeBias = await weight([1, 8], [0, ln(3), 0, 0, 0, ln(7), 0, 0], 'table');
    const y = ops.attention(zeros, zeros, hot, { nHead: 1, nHeadKv: 1, scale: 1, relativeBias });
    expectRows(await read(y), [[1 / 8, 7 / 8], [3 / 4, 1 / 4]]); // biome-ignore format: a matrix
    expect([0, -1, -7, -8, -127, -128, -9999].map((d) => relativeBucket(d, 32))).toEqual([0, 1, 7, 8, 15, 15, 15]);
    expect([1, 7, 8, 11, 12, 16, 127].map((d) => relativeBucket(d, 32))).toEqual([17, 23, 24, 24, 25, 26, 31]);
  });

  it('gives distances their rows as DeBERTa does', () => {
    // What transformers computes for 256 buckets and 512 positions.
    const rows = { nRows: 512, maxDistance: 512 };
    const of = (list: number[]) => list.map((distance) => disentangledRow(distance, rows));
    expect(of([0, 1, 127, 128, 129, 511, 512, 9999])).toEqual([256, 257, 383, 384, 385, 511, 511, 511]);
    expect(of([-1, -128, -129, -511, -512, -9999])).toEqual([255, 128, 127, 1, 0, 0]);
    expect([3, -3, 4, 9, -9].map((d) => disentangledRow(d, { nRows: 8, maxDistance: 0 }))).toEqual([7, 1, 7, 7, 0]);
  });

  it('shares key/value heads between query heads', async () => {
    const { ops, tensor, read } = await bench(1);
    const q = await tensor([[1, 2, 3, 4]]);
    const kv = await tensor([[5, 6]]);
    const y = ops.attention(q, kv, kv, { nHead: 4, nHeadKv: 2, scale: 1 });
    expect(await read(y)).toEqual([[5, 5, 6, 6]]);
  });
});

describe('moe', () => {
  /** Expert e multiplies by e + 1 (ReLU, positive input); the router's logits are ln of the given odds. */
  async function mixture(odds: number[], options: { nUsed: number; renormalise?: boolean }): Promise<number> {
    const { ops, weight, tensor, read } = await bench(1);
    const router = await weight([1, odds.length], odds.map(Math.log));
    const up = await weight([1, 1, odds.length], odds.map((_, e) => e + 1), 'experts'); // biome-ignore format: short
    const down = await weight([1, 1, odds.length], [1], 'experts');
    const y = ops.moe(await tensor([[1]]), { router, up, down, activation: 'relu', ...options });
    return (await read(y))[0][0];
  }

  it('adds the best experts by their probability', async () => {
    expect(await mixture([1, 5, 4], { nUsed: 2 })).toBeCloseTo(0.5 * 2 + 0.4 * 3, 6);
    expect(await mixture([1, 5, 4], { nUsed: 2, renormalise: true })).toBeCloseTo((5 * 2 + 4 * 3) / 9, 6);
  });

  it('takes the lower index of equal experts', async () => {
    expect(await mixture([1, 1, 1, 1], { nUsed: 1 })).toBeCloseTo(0.25, 6);
  });

  it('gates: act(gate x) · (up x)', async () => {
    const { ops, weight, tensor, read } = await bench(1);
    const options = {
      router: await weight([1, 1], [1]),
      gate: await weight([1, 2, 1], [2, -2], 'experts'),
      up: await weight([1, 2, 1], [5, 7], 'experts'),
      down: await weight([2, 1, 1], [1, 1], 'experts'),
      nUsed: 1,
      activation: 'relu',
    } as const;
    expect(await read(ops.moe(await tensor([[3]]), options))).toEqual([[90]]);
  });
});

describe('pool', () => {
  it('averages, takes the first or the last row, or leaves all', async () => {
    const { ops, tensor, read } = await bench(2, 1);
    const x = await tensor([[1, 2], [3, 6], [7, 8]]); // biome-ignore format: a matrix
    expect(await read(ops.pool(x, 'mean'))).toEqual([[2, 4], [7, 8]]); // biome-ignore format: a matrix
    expect(await read(ops.pool(x, 'max'))).toEqual([[3, 6], [7, 8]]); // biome-ignore format: a matrix
    expect(await read(ops.pool(x, 'cls'))).toEqual([[1, 2], [7, 8]]); // biome-ignore format: a matrix
    expect(await read(ops.pool(x, 'last'))).toEqual([[3, 6], [7, 8]]); // biome-ignore format: a matrix
    expect(await read(ops.pool(x, 'none'))).toEqual([[1, 2], [3, 6], [7, 8]]); // biome-ignore format: a matrix
    expect(await read(ops.pool(x, 'mean-sqrt-len'))).toEqual([
      [Math.fround(4 / Math.SQRT2), Math.fround(8 / Math.SQRT2)],
      [7, 8],
    ]);
    expect(await read(ops.pool(x, 'weighted-mean'))).toEqual([[7 / 3, 14 / 3].map(Math.fround), [7, 8]]);
  });
});

describe('backend', () => {
  it('shows named steps with the layer, in order, as copies', async () => {
    const { backend, ops, weight, tensor } = await bench(1);
    const layer = { weight: await weight([1, 1], [2]), bias: await weight([1], [-7], 'vector') };
    const x = await tensor([[3]]);
    const seen: [string, number[]][] = [];
    backend.observe((name, values) => seen.push([name, [...values]]));
    const names = { product: 'product', biased: 'biased', activated: 'activated', out: 'out' };
    ops.linear(x, layer, { activation: 'relu', residual: x, names, layer: 4 });
    backend.observe(undefined);
    ops.linear(x, layer, { names });
    expect(seen).toEqual([['product-4', [6]], ['biased-4', [-1]], ['activated-4', [0]], ['out-4', [3]]]); // biome-ignore format: a list
  });

  it('refuses tensors of an earlier forward and of another backend', async () => {
    const one = await bench(1);
    const x = await one.tensor([[1]]);
    const other = await bench(1);
    expect(() => other.ops.activate(x, 'relu')).toThrow('does not belong to the running forward');
    one.ops.begin({ ids: Int32Array.of(0), positions: Int32Array.of(0), offsets: Int32Array.of(0, 1) });
    expect(() => one.ops.activate(x, 'relu')).toThrow('does not belong to the running forward');
  });

  it('refuses a batch whose offsets do not cover its tokens', async () => {
    const { ops } = await createReferenceBackend();
    const of = (...offsets: number[]) => ({
      ids: Int32Array.of(1, 2),
      positions: Int32Array.of(0, 1),
      offsets: Int32Array.from(offsets),
    });
    for (const offsets of [[0], [0, 1], [1, 2], [0, 0, 2], [0, 3, 2]]) {
      expect(() => ops.begin(of(...offsets))).toThrow('inconsistent batch');
    }
  });

  it('refuses weights without data and after dispose', async () => {
    const backend = await createReferenceBackend();
    const from = filled([1, 2], [1]);
    const table = backend.allocate(from, 'table');
    const begin = () =>
      backend.ops.begin({ ids: Int32Array.of(1), positions: Int32Array.of(0), offsets: Int32Array.of(0, 1) });
    begin();
    expect(() => backend.ops.embedding(table, 'ids')).toThrow('w1x2 has no data');
    await backend.fill(table, from);
    expect(await backend.ops.read(backend.ops.embedding(table, 'ids'))).toEqual(Float32Array.of(1));
    backend.dispose();
    backend.dispose();
    begin();
    expect(() => backend.ops.embedding(table, 'ids')).toThrow('w1x2 has no data');
  });

  it('computes with weights of any type that has a codec', async () => {
    const { backend, ops, tensor, read } = await bench(1);
    const row = Array.from({ length: 32 }, (_, i) => i - 16);
    for (const type of ['F16', 'BF16', 'Q8_0'] as const) {
      const from = filled([32, 1], row, type);
      const weight = backend.allocate(from, 'matrix');
      await backend.fill(weight, from);
      const [[y]] = await read(ops.linear(await tensor([row]), { weight }));
      expect(Math.abs(y - row.reduce((sum, v) => sum + v * v, 0))).toBeLessThan(type === 'Q8_0' ? 10 : 1e-3);
    }
  });
});
