/** @file `fast` for Q4_K without a real 8-bit dot product: int8 activations times the file's own 4 bits. */
import { setFlagsFromString } from 'node:v8';
import { expect, it } from 'vitest';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { compileKernels, instantiateKernels } from '../../src/kernels/wasm/kernels.ts';
import type { Precision } from '../../src/tensor/backend.ts';
import type { Batch } from '../../src/tensor/ops.ts';
import { normal, random } from '../random.ts';
import { batchOf, load, type Sources, source } from './graphs.ts';

// Node 20 has relaxed SIMD behind a flag; later ones have it anyway.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
const { relaxed } = await compileKernels(false);

/** Two blocks of 256 in a row, and columns that leave a panel unfilled. Weights far from zero, so that minima count. */
const [k, n, nVocab] = [512, 37, 120];
const shifted = normal(k * n, 2, 0.1).map((value) => value + 0.3);
const weights = { w: [source('w', [k, n], shifted, 'Q4_K'), 'matrix'] } satisfies Sources;
const bias: Sources['x'] = [source('b', [n], normal(n, 4)), 'vector'];

/** Activations on a grid that 8 bits hold without loss: 255 steps from an offset in every 128 values, both ends of them used. */
function onGrid(): Float32Array {
  const next = random(5);
  return Float32Array.from({ length: k * nVocab }, (_, i) => {
    const step = i % 128 < 2 ? 254 * (i % 2) : Math.floor(next() * 255);
    return (step - 90) / 64;
  });
}

async function product(
  precision: Precision,
  activations: Float32Array,
  batch: Batch,
  { keepBlocks = false, packed = false } = {},
) {
  const setup = await prepareWasm({ eightBits: 'never', keepBlocks, packed });
  const backend = await createWasmBackend({ precision, setup });
  const x: Sources['x'] = [source('x', [k, nVocab], activations), 'table'];
  const loaded = await load(backend, { ...weights, b: bias, x });
  const { ops } = backend;
  ops.begin(batch);
  const y = ops.linear(ops.embedding(loaded.x, 'ids'), { weight: loaded.w, bias: loaded.b }, { activation: 'gelu' });
  const values = await ops.read(y);
  backend.dispose();
  return { values, description: backend.description };
}

const error = (found: Float32Array, exact: Float32Array) =>
  Math.hypot(...found.map((value, i) => value - exact[i])) / Math.hypot(...exact);

it.skipIf(!relaxed)(
  'weights are exact: the error is that of 8-bit activations, and none where 8 bits hold them',
  async () => {
    for (const lengths of [[1], [2, 1], [50, 3, 47]]) {
      const batch = batchOf(lengths, nVocab);
      for (const [activations, least, most] of [
        [onGrid(), 0, 2e-5],
        [normal(k * nVocab, 1), 1e-4, 0.02],
      ] as const) {
        const { values: exact } = await product('exact', activations, batch);
        const { values, description } = await product('fast', activations, batch);
        expect(description).toContain('8-bit activations for Q4_K');
        expect(error(values, exact)).toBeLessThan(most);
        expect(error(values, exact)).toBeGreaterThan(least);
      }
    }
  },
);

it.skipIf(!relaxed)('gives the same bits from panels and from blocks, and alone and in a batch', async () => {
  const activations = normal(k * nVocab, 1);
  const batch = batchOf([50, 3, 47], nVocab);
  const { values } = await product('fast', activations, batch);
  expect((await product('fast', activations, batch, { keepBlocks: true })).values).toEqual(values);
  for (const row of [0, 49, 99]) {
    const one = { ids: batch.ids.subarray(row, row + 1), positions: Int32Array.of(0), offsets: Int32Array.of(0, 1) };
    expect((await product('fast', activations, one)).values).toEqual(values.subarray(row * n, (row + 1) * n));
  }
});

it.skipIf(!relaxed)('a row with a NaN or an infinity becomes NaN, and no other', async () => {
  const activations = normal(k * nVocab, 1);
  activations[3 * k + 200] = Number.NaN;
  activations[5 * k + 511] = Number.POSITIVE_INFINITY;
  const batch = { ids: Int32Array.of(2, 3, 4, 5), positions: Int32Array.of(0, 1, 2, 3), offsets: Int32Array.of(0, 4) };
  const { values } = await product('fast', activations, batch);
  values.forEach((value, i) => {
    expect(Number.isNaN(value)).toBe(Math.floor(i / n) % 2 === 1);
  });
});

it.skipIf(!relaxed)('one input of Q4_K and of another type is quantised for each', async () => {
  const activations = normal(k * nVocab, 1);
  const batch = batchOf([9], nVocab);
  const sources: Sources = {
    ...weights,
    x: [source('x', [k, nVocab], activations), 'table'],
    v: [source('v', [k, n], shifted, 'Q6_K'), 'matrix'],
  };
  const results = [];
  for (const precision of ['exact', 'fast'] as const) {
    const backend = await createWasmBackend({ precision, setup: await prepareWasm({ eightBits: 'never' }) });
    const loaded = await load(backend, sources);
    const { ops } = backend;
    ops.begin(batch);
    const x = ops.embedding(loaded.x, 'ids');
    const [first, second, third] = [loaded.w, loaded.v, loaded.w].map((weight) => ops.linear(x, { weight }));
    results.push(await ops.read(ops.add(ops.add(first, second), third)));
  }
  expect(error(results[1], results[0])).toBeLessThan(0.01);
});

it.skipIf(!relaxed)('tiles of the largest values do not overflow', async () => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536 });
  const kernels = await instantiateKernels((await compileKernels(false)).module, memory);
  const [a, w, t] = [0x10000, 0x11000, 0x12000];
  new Int8Array(memory.buffer).fill(-127, a, a + 512);
  new Uint8Array(memory.buffer).fill(15, w, w + 2048);
  kernels.tileK4x4x16({ a, w, t, k4: 128 });
  for (let sub = 0; sub < 4; sub++) {
    const sums = new Int16Array(memory.buffer, t + sub * 3072, 128);
    expect(sums.every((sum) => sum === -127 * 15 * 16)).toBe(true);
  }
});
