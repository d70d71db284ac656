/** @file `fast` with 8-bit products, where the engine has them; where not, `fast` is `high`. */
import { expect, it } from 'vitest';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { compileKernels, instantiateKernels } from '../../src/kernels/wasm/kernels.ts';
import { normal } from '../random.ts';
import { batchOf, load, type Sources, source } from './graphs.ts';

/** y = W₂ gelu(W₁ x + b), with sizes that leave tails everywhere. */
const [k, ff] = [206, 74];
const sources: Sources = {
  x: [source('x', [k, 50], normal(k * 50, 1)), 'table'],
  up: [source('up', [k, ff], normal(k * ff, 2, 0.1)), 'matrix'],
  down: [source('down', [ff, k], normal(ff * k, 3, 0.1)), 'matrix'],
  b: [source('b', [ff], normal(ff, 4)), 'vector'],
};
const batch = batchOf([1, 9, 5]);

async function run(precision: 'exact' | 'high' | 'fast', keepBlocks = false) {
  const setup = await prepareWasm({ eightBits: 'always', keepBlocks });
  const backend = await createWasmBackend({ precision, setup });
  const w = await load(backend, sources);
  const { ops } = backend;
  ops.begin(batch);
  const hidden = ops.linear(ops.embedding(w.x, 'ids'), { weight: w.up, bias: w.b }, { activation: 'gelu' });
  return { values: await ops.read(ops.linear(hidden, { weight: w.down })), description: backend.description };
}

it('is near `exact`, and the same bits from panels and from blocks', async () => {
  const [{ values: exact }, { values: high }, fast] = [await run('exact'), await run('high'), await run('fast')];
  const size = Math.hypot(...exact);
  const error = Math.hypot(...fast.values.map((value, i) => value - exact[i])) / size;
  const { relaxed } = await compileKernels(false);
  if (relaxed) {
    expect(fast.description).toMatch(/[78]-bit activations/);
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(0.02);
  } else expect(fast.values).toEqual(high);
  expect((await run('fast', true)).values).toEqual(fast.values);
});

it('experts are those of `exact`, although their scores are close', async () => {
  const nExpert = 16;
  // Two experts each have scores that differ by half a percent.
  const scores = normal(k * nExpert, 5, 0.02);
  const nearly = normal(k * nExpert, 8, 1e-4);
  for (let i = k; i < scores.length; i += 2 * k) {
    for (let j = i; j < i + k; j++) scores[j] = scores[j - k] + nearly[j];
  }
  const experts: Sources = {
    x: sources.x,
    router: [source('router', [k, nExpert], scores), 'router'],
    experts: [source('experts', [k, ff, nExpert], normal(k * ff * nExpert, 6, 0.1)), 'experts'],
    back: [source('back', [ff, k, nExpert], normal(ff * k * nExpert, 7, 0.1)), 'experts'],
  };
  const mixed = async (precision: 'exact' | 'fast') => {
    const setup = await prepareWasm({ eightBits: 'always' });
    const backend = await createWasmBackend({ precision, setup });
    const w = await load(backend, experts);
    const { ops } = backend;
    ops.begin(batchOf([50]));
    const options = { router: w.router, up: w.experts, down: w.back, nUsed: 1, activation: 'gelu' } as const;
    return ops.read(ops.moe(ops.embedding(w.x, 'ids'), options));
  };
  const [exact, fast] = [await mixed('exact'), await mixed('fast')];
  for (let row = 0; row < 50; row++) {
    const [want, got] = [exact, fast].map((values) => values.subarray(row * k, (row + 1) * k));
    const error = Math.hypot(...got.map((value, i) => value - want[i])) / Math.hypot(...want);
    expect(error, `row ${row}`).toBeLessThan(0.05);
  }
});

it('8-bit rows come back within half a step, whatever their offset', async () => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536 });
  const kernels = await instantiateKernels((await compileKernels(false)).module, memory);
  const [f32, u8] = [new Float32Array(memory.buffer), new Uint8Array(memory.buffer)];
  const [x, q, scales, n, kb] = [0x10000, 0x20000, 0x28000, 77, 64];
  for (const offset of [0, 5, -300]) {
    const rows = [0, 1, 2, 3, 4].map((row) => normal(n, row + 1).map((value) => value + offset));
    rows.forEach((row, r) => {
      f32.set(row, x / 4 + r * 128);
    });
    kernels.quantizeRowsU8({ x, ldx: 512, rows: 5, k: n, q, groupBytes: 320, scales, kb, levels: 255, zero: 0 });
    rows.forEach((row, r) => {
      row.forEach((value, i) => {
        const block = (scales + (r * 2 + Math.floor(i / kb)) * 8) / 4;
        const code = u8[q + Math.floor(r / 4) * 320 + Math.floor(i / 4) * 16 + (r % 4) * 4 + (i % 4)];
        expect(Math.abs(f32[block + 1] + f32[block] * code - value)).toBeLessThan(0.51 * f32[block] + 1e-4);
      });
    });
  }
});
