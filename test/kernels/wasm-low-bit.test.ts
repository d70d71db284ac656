/** @file `fast` for weights of 4 to 6 bits without a real 8-bit dot product: int8 activations times the file's own integers. */
import { setFlagsFromString } from 'node:v8';
import { expect, it } from 'vitest';
import { type GgmlTypeName, ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { lowBitForms } from '../../src/kernels/wasm/forms/low-bit.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { compileKernels, instantiateKernels } from '../../src/kernels/wasm/kernels.ts';
import type { Precision, WeightSource } from '../../src/tensor/backend.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import { normal, random } from '../random.ts';
import { batchOf, bytesSource, load, type Sources, source } from './graphs.ts';

// Node 20 has relaxed SIMD behind a flag; later ones have it anyway.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
const { relaxed } = await compileKernels(false);

const types = [...lowBitForms.keys()] as GgmlTypeName[];
/** Two blocks of 256; and, for types with blocks of 32, rows that end within four of these. */
const cases = types.flatMap((type) => [[type, 512] as const, ...(type.endsWith('_K') ? [] : [[type, 416] as const])]);

/** Columns that leave a panel unfilled. */
const [n, nVocab] = [37, 120];
const batches = [[1], [2, 1], [50, 3, 47]].map((lengths) => batchOf(lengths, nVocab));

/** Activations on a grid that 8 bits hold without loss: 255 steps from an offset in every 64 values, both ends of them used. */
function onGrid(k: number): Float32Array {
  const next = random(5);
  return Float32Array.from({ length: k * nVocab }, (_, i) => {
    const step = (i % k) % 64 < 2 ? 254 * (i % 2) : Math.floor(next() * 255);
    return (step - 90) / 64;
  });
}

/** A product with `n` columns, whose weights are far from zero, so that minima count. */
async function product(
  [type, k]: readonly [GgmlTypeName, number],
  precision: Precision,
  activations: Float32Array,
  batch: Batch,
  { keepBlocks = false, nThreads = 1, w = matrix(type, k) } = {},
) {
  const setup = await prepareWasm({ eightBits: 'never', keepBlocks, nThreads });
  const backend = await createWasmBackend({ precision, setup });
  const loaded = await load(backend, {
    w: [w, 'matrix'],
    b: [source('b', [n], normal(n, 4)), 'vector'],
    x: [source('x', [k, nVocab], activations), 'table'],
  });
  const { ops } = backend;
  ops.begin(batch);
  const y = ops.linear(ops.embedding(loaded.x, 'ids'), { weight: loaded.w, bias: loaded.b }, { activation: 'gelu' });
  const values = await ops.read(y);
  backend.dispose();
  return { values, description: backend.description };
}

/** Weights of a type; random codes for MXFP4, which nothing here quantises to. */
function matrix(type: GgmlTypeName, k: number): WeightSource {
  if (type !== 'MXFP4') return source('w', [k, n], weights(k), type);
  const next = random(9);
  const bytes = Uint8Array.from({ length: (k / 32) * 17 * n }, (_, i) =>
    i % 17 === 0 ? 125 + next() * 4 : next() * 256,
  );
  return bytesSource('w', type, [k, n], bytes);
}

const weights = (k: number) => normal(k * n, 2, 0.1).map((value) => value + 0.3);

const error = (found: Float32Array, exact: Float32Array) =>
  Math.hypot(...found.map((value, i) => value - exact[i])) / Math.hypot(...exact);

it.skipIf(!relaxed).each(cases)(
  '%s, %i values: the error is that of 8-bit activations, and next to none where 8 bits hold them',
  async (type, k) => {
    for (const batch of batches) {
      for (const [activations, least, most] of [
        // Scales that are floats become integers of 13 bits.
        [onGrid(k), 0, type.endsWith('_K') ? 5e-5 : 1e-4],
        [normal(k * nVocab, 1), 1e-4, 0.02],
      ] as const) {
        const { values: exact } = await product([type, k], 'exact', activations, batch);
        const { values, description } = await product([type, k], 'fast', activations, batch);
        expect(description).toContain('8-bit activations for weights of 4 to 6 bits');
        expect(error(values, exact)).toBeLessThan(most);
        expect(error(values, exact)).toBeGreaterThan(least);
      }
    }
  },
);

it.skipIf(!relaxed).each(cases)(
  '%s, %i values: the same bits from panels and from blocks, and alone and in a batch',
  async (type, k) => {
    const activations = normal(k * nVocab, 1);
    const batch = batches[2];
    const { values } = await product([type, k], 'fast', activations, batch);
    expect((await product([type, k], 'fast', activations, batch, { keepBlocks: true })).values).toEqual(values);
    for (const row of [0, 49, 99]) {
      const one = { ids: batch.ids.subarray(row, row + 1), positions: Int32Array.of(0), offsets: Int32Array.of(0, 1) };
      expect((await product([type, k], 'fast', activations, one)).values).toEqual(
        values.subarray(row * n, (row + 1) * n),
      );
    }
  },
);

it.skipIf(!relaxed).each(types)('%s: a row with a NaN or an infinity becomes NaN, and no other', async (type) => {
  const k = 512;
  const activations = normal(k * nVocab, 1);
  activations[3 * k + 200] = Number.NaN;
  activations[5 * k + 511] = Number.POSITIVE_INFINITY;
  const batch = { ids: Int32Array.of(2, 3, 4, 5), positions: Int32Array.of(0, 1, 2, 3), offsets: Int32Array.of(0, 4) };
  const { values } = await product([type, k], 'fast', activations, batch);
  values.forEach((value, i) => {
    expect(Number.isNaN(value)).toBe(Math.floor(i / n) % 2 === 1);
  });
});

/** A matrix with `k` values a row whose block number `b` `set` writes: its bytes are zeros before. */
function blocksOf(type: GgmlTypeName, k: number, set: (block: DataView, b: number) => void): WeightSource {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const bytes = new Uint8Array((k / blockSize) * n * blockBytes);
  for (let b = 0; b * blockBytes < bytes.length; b++) set(new DataView(bytes.buffer, b * blockBytes, blockBytes), b);
  return bytesSource('w', type, [k, n], bytes);
}

/** Float16: 65504 and 2⁻⁷. */
const [largestHalf, small] = [0x7bff, 0x2000];

it.skipIf(!relaxed).each(['Q4_1', 'Q5_1', 'Q4_K', 'Q5_K'] as const)(
  '%s: the minimum of equal values counts, whatever their scale is',
  async (type) => {
    const k = 512;
    const next = random(6);
    const w = blocksOf(type, k, (block) => {
      block.setUint16(0, largestHalf, true);
      block.setUint16(2, small + Math.floor(next() * 256), true);
      // The largest scales and some minima.
      if (type.endsWith('K')) for (let i = 0; i < 12; i++) block.setUint8(4 + i, i < 4 ? 0xff : next() * 64);
    });
    const activations = normal(k * nVocab, 1);
    const { values: exact } = await product([type, k], 'exact', activations, batches[2], { w });
    const { values } = await product([type, k], 'fast', activations, batches[2], { w });
    expect(error(values, exact)).toBeLessThan(2e-3);
  },
);

it.skipIf(!relaxed).each(['Q4_0', 'Q5_0', 'MXFP4'] as const)(
  '%s: a large scale of zeros takes nothing from the blocks beside it',
  async (type) => {
    const k = 512;
    const next = random(6);
    const w = blocksOf(type, k, (block, b) => {
      for (let i = 0; i < block.byteLength; i++) block.setUint8(i, next() * 256);
      if (type === 'MXFP4') block.setUint8(0, 122);
      else block.setUint16(0, small, true);
      if (b % 4 !== 1) return;
      for (let i = 0; i < block.byteLength; i++) block.setUint8(i, 0);
      if (type === 'MXFP4') block.setUint8(0, 150);
      else block.setUint16(0, largestHalf, true);
      if (type === 'Q4_0') for (let i = 2; i < 18; i++) block.setUint8(i, 0x88);
      if (type === 'Q5_0') block.setUint32(2, 0xffffffff, true);
    });
    const activations = normal(k * nVocab, 1);
    const { values: exact } = await product([type, k], 'exact', activations, batches[2], { w });
    const { values } = await product([type, k], 'fast', activations, batches[2], { w });
    expect(error(values, exact)).toBeLessThan(0.02);
  },
);

it.skipIf(!relaxed)('one input of types with several forms is quantised for each', async () => {
  const k = 512;
  const activations = normal(k * nVocab, 1);
  const batch = batchOf([9], nVocab);
  const sources: Sources = {
    w: [source('w', [k, n], weights(k), 'Q4_K'), 'matrix'],
    x: [source('x', [k, nVocab], activations), 'table'],
    v: [source('v', [k, n], weights(k), 'Q6_K'), 'matrix'],
    u: [source('u', [k, n], weights(k), 'Q8_0'), 'matrix'],
  };
  const results = [];
  for (const precision of ['exact', 'fast'] as const) {
    const backend = await createWasmBackend({ precision, setup: await prepareWasm({ eightBits: 'never' }) });
    const loaded = await load(backend, sources);
    const { ops } = backend;
    ops.begin(batch);
    const x = ops.embedding(loaded.x, 'ids');
    const [first, ...rest] = [loaded.w, loaded.v, loaded.u, loaded.w].map((weight) => ops.linear(x, { weight }));
    results.push(await ops.read(rest.reduce((sum, next) => ops.add(sum, next), first)));
  }
  expect(error(results[1], results[0])).toBeLessThan(0.01);
});

it.skipIf(!relaxed)('a block with a scale that is no number makes its column NaN, and no other', async () => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
  const kernels = await instantiateKernels((await compileKernels(false)).module, memory);
  const [from, w, scales, row] = [0x10000, 0x14000, 0x18000, 0x20000];
  const view = new DataView(memory.buffer);
  // Columns of one value of 16 bits and 32 codes; the second column has an infinity, the third NaN, the others 1.
  for (let column = 0; column < 5; column++) {
    for (let block = 0; block < 4; block++) view.setUint16(from + column * 72 + block * 18, 0x3c00, true);
  }
  view.setUint16(from + 72 + 18, 0x7c00, true);
  view.setUint16(from + 144 + 36, 0x7e00, true);
  const [k, sub, centre] = [128, 32, 8];
  kernels.packPanelLow({
    ...{ type: 2, from, rowBytes: 72, nValid: 5, k, kPad: k, kb: k, sub, centre, kbMin: 0, aLimit: 0 },
    ...{ w, scales, row },
  });
  const units = new Float32Array(memory.buffer, scales, 16);
  expect([...units].map(Number.isNaN)).toEqual([false, true, true, ...Array<boolean>(13).fill(false)]);
  expect(units[0]).toBeCloseTo(1 / 8191, 8);
});
