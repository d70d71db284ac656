/** @file Q8_0 at `high`: panels of the file's bytes, expanded to int16 before each product. */
import { expect, it } from 'vitest';
import { i16 } from '../../src/kernels/wasm/forms/i16.ts';
import { q8 } from '../../src/kernels/wasm/forms/q8.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { compileKernels, instantiateKernels } from '../../src/kernels/wasm/kernels.ts';
import type { Precision, WeightSource } from '../../src/tensor/backend.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';
import { normal, random } from '../random.ts';
import { batchOf, bytesSource, load, source } from './graphs.ts';

const blockBytes = 34;
const kernels = compileKernels(false).then(async ({ module }) => {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16 });
  return { memory, ...(await instantiateKernels(module, memory)) };
});

/** Rows of blocks of Q8_0 with scales of any sign and size, zero and subnormal ones, blocks of zeros, and all bytes. */
function blocks(rows: number, k: number, seed: number): Uint8Array {
  const next = random(seed);
  const bytes = Uint8Array.from({ length: ((rows * k) / 32) * blockBytes }, () => Math.floor(next() * 256));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const kind = Math.floor(next() * 12);
    const bits = [0, 1 + Math.floor(next() * 1023), 0x7bff][kind] ?? 0x2000 + Math.floor(next() * 0xc00);
    view.setUint16(at, bits | (next() < 0.5 ? 0x8000 : 0), true);
    // The largest scale belongs to zeros: it must not take precision from its neighbours.
    if (kind === 2 || kind === 3) bytes.fill(0, at + 2, at + blockBytes);
    if (kind === 4) bytes.fill(0x80, at + 2, at + blockBytes);
  }
  return bytes;
}

const addresses = { from: 0x10000, w: 0x30000, scales: 0x50000, to: 0x60000 };

/** Packs and expands a panel: its scales, and its int16 weights by column and k. */
async function panel(bytes: Uint8Array, nValid: number, k: number) {
  const { memory, packPanelQ8, expandQ8 } = await kernels;
  const { from, w, scales, to } = addresses;
  const { kb, nBlocks, limit } = q8.blocking(k);
  new Uint8Array(memory.buffer).fill(0xa5, w, to + k * 32);
  new Uint8Array(memory.buffer).set(bytes, from);
  packPanelQ8({ from, rowBytes: (k / 32) * blockBytes, nValid, k, kb, aLimit: limit, w, scales });
  expandQ8({ w, ratios: scales + nBlocks * 64, k, to });
  const i16 = new Int16Array(memory.buffer, to, k * 16);
  const q = (column: number, i: number) => i16[(i >> 1) * 32 + column * 2 + (i & 1)];
  return { q, kb, limit, scales: new Float32Array(memory.buffer.slice(scales, scales + nBlocks * 64)) };
}

it.each([
  [16, 32],
  [5, 384],
  [16, 416],
  [1, 1536],
])('%i columns of %i values are within one step of the file, and their sums cannot overflow', async (nValid, k) => {
  const bytes = blocks(nValid, k, k);
  const exact = new Float32Array(nValid * k);
  codecs.Q8_0.dequantize(bytes, exact, exact.length);
  const { q, kb, limit, scales } = await panel(bytes, nValid, k);
  for (let column = 0; column < 16; column++) {
    for (let begin = 0; begin < k; begin += kb) {
      const scale = scales[(begin / kb) * 16 + column];
      const values = Array.from({ length: Math.min(kb, k - begin) }, (_, i) => q(column, begin + i));
      const sum = values.reduce((total, value) => total + Math.abs(value), 0);
      expect(sum * limit).toBeLessThan(2 ** 31);
      if (column >= nValid) expect([scale, sum]).toEqual([0, 0]);
      else {
        const w = exact.subarray(column * k + begin, column * k + begin + values.length);
        const worst = Math.max(...values.map((value, i) => Math.abs(value * scale - w[i])));
        expect(worst).toBeLessThanOrEqual(scale * 1.001);
        // The whole range is in use: of the sum, or of the ratios.
        const largest = Math.max(...w.map(Math.abs));
        if (largest > 0) expect(largest / scale > 16000 || sum * limit > 0.99 * 2 ** 31).toBe(true);
      }
    }
  }
});

// Fewer rows than a tile and rows that leave one unfilled; a strip of rows and more.
it.each([1, 2, 3, 4, 5, 7, 12, 48, 50, 99])(
  '%i rows times bytes have the bits of these rows times the expanded panel, with narrow and wide tiles',
  async (rows) => {
    const { memory, linearI16, linearQ8, packPanelQ8, expandQ8, quantizeRows } = await kernels;
    const [k, nPanels] = [416, 3];
    const blocking = q8.blocking(k);
    const { kb, nBlocks, limit } = blocking;
    const f32 = new Float32Array(memory.buffer);
    const [zeros, x, from, scales, ratios, t, c] = [0x10000, 0x10080, 0x40000, 0x44000, 0x48000, 0x4c000, 0x50000];
    const [w, w16, expanded, q] = [0x60000, 0x70000, 0x80000, 0xc0000];
    f32.fill(0, zeros / 4, zeros / 4 + 16);
    f32.set(normal(rows * k, 8), x / 4);
    const { address: a, groupBytes, scales: aScale } = q8.activations(blocking, q, rows)!;
    quantizeRows({ x, ldx: k * 4, rows, k, q: a, groupBytes, scales: aScale, kb, limit });
    for (let p = 0; p < nPanels; p++) {
      const to = { w: w + p * q8.panelBytes(blocking), scales: ratios + p * q8.scaleBytes(blocking) };
      new Uint8Array(memory.buffer).set(blocks(16, k, p), from);
      packPanelQ8({ from, rowBytes: (k / 32) * blockBytes, nValid: 16, k, kb, aLimit: limit, ...to });
      expandQ8({ w: to.w, ratios: to.scales + nBlocks * 64, k, to: w16 + p * i16.panelBytes(blocking) });
      f32.copyWithin((scales + p * nBlocks * 64) / 4, to.scales / 4, to.scales / 4 + nBlocks * 16);
    }
    const shared = { a, groupBytes, aScale, k, kb, nPanels, bias: zeros, biasStep: 0, factor: 1, c, ldc: nPanels * 64 };
    const rest = { rows, activation: 0, residual: 0, ldr: 0, t };
    const result = () => new Int32Array(memory.buffer.slice(c, c + rows * nPanels * 64));
    linearI16({ ...shared, ...rest, w: w16, wScale: scales, kPad: k, wide: 0 });
    const expected = result();
    for (const wide of [0, 1]) {
      f32.fill(0, expanded / 4, q / 4);
      f32.fill(0, c / 4, w / 4);
      linearQ8({ ...shared, ...rest, w, wScale: ratios, scaleBytes: q8.scaleBytes(blocking), wide, expanded });
      expect(result()).toEqual(expected);
    }
  },
);

it.each([
  [16, 384],
  [13, 416],
  [8, 1536],
])('each of %i columns of %i values has the bits that it has alone', async (nValid, k) => {
  const bytes = blocks(nValid, k, k + 1);
  const rowBytes = (k / 32) * blockBytes;
  // A scale of infinity and one that is no number.
  new DataView(bytes.buffer).setUint16(2 * rowBytes, 0x7c00, true);
  new DataView(bytes.buffer).setUint16(3 * rowBytes + blockBytes, 0xfe01, true);
  const together = await panel(bytes, nValid, k);
  const values = Array.from({ length: nValid }, (_, column) =>
    Array.from({ length: k }, (_, i) => together.q(column, i)),
  );
  for (let column = 0; column < nValid; column++) {
    const alone = await panel(bytes.slice(column * rowBytes, (column + 1) * rowBytes), 1, k);
    expect(values[column]).toEqual(Array.from({ length: k }, (_, i) => alone.q(0, i)));
    for (let b = 0; b < alone.scales.length; b += 16) expect(together.scales[b + column]).toBe(alone.scales[b]);
  }
});

it('a scale that is no number makes its column NaN, and no other', async () => {
  const [k, rowBytes] = [64, 2 * blockBytes];
  const bytes = blocks(5, k, 3);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < 10; block++) view.setUint16(block * blockBytes, 0x3c00, true);
  view.setUint16(rowBytes, 0x7c00, true);
  view.setUint16(3 * rowBytes + blockBytes, 0x7e00, true);
  // Infinity times zero is no number either.
  view.setUint16(4 * rowBytes, 0xfc00, true);
  bytes.fill(0, 4 * rowBytes + 2, 4 * rowBytes + blockBytes);
  const { scales } = await panel(bytes, 5, k);
  expect([...scales].map(Number.isNaN)).toEqual([false, true, false, true, true, ...Array<boolean>(11).fill(false)]);
});

const nVocab = 320;

/** Random weights of this shape. */
const weights = (k: number, n: number, nMatrices = 1) =>
  source('w', nMatrices === 1 ? [k, n] : [k, n, nMatrices], normal(k * n * nMatrices, 2, 0.1), 'Q8_0');

async function product(
  w: WeightSource,
  x: Float32Array,
  batch: Batch,
  { precision = 'high', keepBlocks = false }: { precision?: Precision; keepBlocks?: boolean } = {},
) {
  const backend = await createWasmBackend({ precision, setup: await prepareWasm({ keepBlocks }) });
  const loaded = await load(backend, {
    w: [w, 'matrix'],
    b: [source('b', [w.shape[1]], normal(w.shape[1], 4)), 'vector'],
    x: [source('x', [w.shape[0], nVocab], x), 'table'],
  });
  const { ops } = backend;
  ops.begin(batch);
  const values = await ops.read(ops.linear(ops.embedding(loaded.x, 'ids'), { weight: loaded.w, bias: loaded.b }));
  backend.dispose();
  return values;
}

const error = (found: Float32Array, exact: Float32Array) =>
  Math.hypot(...found.map((value, i) => value - exact[i])) / Math.hypot(...exact);

// Panels that fill a group and more, the last column alone in its panel; strips of rows, and rows that leave a tile unfilled.
it.each([
  [32, 1],
  [416, 37],
  [384, 353],
  [1536, 97],
])(
  'products of %i values and %i columns are near float32, and have the same bits in any batch and from blocks',
  async (k, n) => {
    const [w, x] = [weights(k, n), normal(k * nVocab, 1)];
    const batch = batchOf([50, 7, 93], nVocab);
    const all = await product(w, x, batch);
    expect(error(all, await product(w, x, batch, { precision: 'exact' }))).toBeLessThan(6e-4);
    expect(await product(w, x, batch, { keepBlocks: true })).toEqual(all);
    for (const [begin, end] of [
      [0, 1],
      [47, 50],
      [1, 49],
      [101, 150],
    ]) {
      const ids = batch.ids.subarray(begin, end);
      const some = { ids, positions: ids.map((_, i) => i), offsets: Int32Array.of(0, ids.length) };
      expect(await product(w, x, some)).toEqual(all.subarray(begin * n, end * n));
    }
  },
);

it('sums at their limit do not overflow', async () => {
  const [k, n] = [384, 16];
  const signs = (value: number) => Float32Array.from({ length: k * n }, (_, i) => (i % 2 ? value : -value));
  const x = new Float32Array(k * nVocab).map((_, i) => (i % 2 ? 1 : -1));
  const bytes = new Uint8Array(((k * n) / 32) * blockBytes);
  codecs.Q8_0.quantize!(signs(3), bytes, k * n);
  const batch = batchOf([5], nVocab);
  const w = bytesSource('w', 'Q8_0', [k, n], bytes);
  const exact = await product(w, x, batch, { precision: 'exact' });
  expect(Math.min(...exact)).toBeGreaterThan(1100);
  expect(error(await product(w, x, batch), exact)).toBeLessThan(1e-3);
});

it('a matrix takes the bytes of the file, and not two bytes a value', async () => {
  const [k, n] = [1024, 2048];
  const bytesWith = async (type: 'Q8_0' | 'F16') => {
    const backend = await createWasmBackend();
    await load(backend, { w: [source('w', [k, n], new Float32Array(k * n), type), 'matrix'] });
    return backend.memoryBytes;
  };
  const [bytes, two] = [await bytesWith('Q8_0'), await bytesWith('F16')];
  expect(two - bytes).toBeGreaterThan(0.9 * k * n);
});

it('products of Q8_0 and of other types read one quantised copy of their input, and have the bits that each has alone', async () => {
  const [k, n] = [384, 48];
  const x = normal(k * nVocab, 1);
  const batch = batchOf([9, 60], nVocab);
  const [bytes, halves] = [weights(k, n), source('h', [k, n], normal(k * n, 6, 0.1), 'F16')];
  const backend = await createWasmBackend();
  const loaded = await load(backend, {
    w: [bytes, 'matrix'],
    h: [halves, 'matrix'],
    x: [source('x', [k, nVocab], x), 'table'],
  });
  const { ops } = backend;
  const joined = async (names: readonly ('w' | 'h')[]) => {
    ops.begin(batch);
    const input = ops.embedding(loaded.x, 'ids');
    return ops.read(ops.concat(names.map((name) => ops.linear(input, { weight: loaded[name] }))));
  };
  const [w, h] = [await joined(['w', 'w']), await joined(['h', 'h'])];
  const mixed = await joined(['w', 'h']);
  expect(mixed).toEqual(w.map((value, i) => (i % (2 * n) < n ? value : h[i])));
  expect(q8.quantize).toBe(i16.quantize);
});
