/**
 * @file Products in eight-bit integers: on activations that eight bits hold, they are exact up to float32 sums, whatever the
 * weight type, tile and number of rows; on others they stay within what eight bits allow.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/gguf/ggml-types.ts';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { loaders } from '../../../src/kernels/webgpu/loaders/index.ts';
import { normal, random } from '../../random.ts';
import { countingBatch, evaluate, source } from '../graphs.ts';
import { describeGpu, expectAsReference, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const types = [...loaders.values()].filter(({ int8 }) => int8 !== undefined).map(({ type }) => type as GgmlTypeName);

/** Rows whose blocks of 32 are whole numbers −127…127 (one of them is 127) times a power of two: no rounding. */
function wholeInput(rows: number, cols: number, seed: number) {
  const next = random(seed);
  const values = new Float32Array(rows * cols);
  for (let at = 0; at < values.length; at += 32) {
    const scale = 2 ** -Math.floor(next() * 8);
    for (let i = 0; i < 32; i++) values[at + i] = Math.floor(next() * 255 - 127) * scale;
    values[at + Math.floor(next() * 32)] = 127 * scale;
  }
  return [source('x', [cols, rows], values), 'table'] as const;
}

describeGpu('products in int8', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await webgpu({ precision: 'fast', strategy: 'int8' });
  });
  afterAll(() => backend.dispose());

  it('take the types that are whole numbers times a scale', () => {
    expect(types).toEqual(expect.arrayContaining(['Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q2_K', 'Q3_K', 'Q4_K']));
    expect(types).toEqual(expect.arrayContaining(['Q5_K', 'Q6_K', 'IQ4_NL', 'IQ4_XS', 'MXFP4', 'NVFP4']));
  });

  it.each(types)('%s: exact on whole activations, few rows and many', async (type) => {
    const weight = [randomBlocks('w', type, [768, 37], 6), 'matrix'] as const;
    for (const rows of [1, 19]) {
      const sources = { x: wholeInput(rows, 768, 5), w: weight };
      await expectAsReference(backend, sources, countingBatch([rows]), (ops, w) =>
        ops.linear(rowsOf(ops, w.x), { weight: w.w }),
      );
    }
  });

  it('every shape, epilogue and view, with the same bits for one row and for many', async () => {
    const size = fc.integer({ min: 1, max: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 9, max: 40 }),
        size,
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.constantFrom('Q8_0', 'Q4_1'),
        fc.integer(),
        async (rows, blocks, nOut, residual, type, seed) => {
          const nIn = 32 * blocks;
          const sources = {
            x: wholeInput(rows, nIn + 32, seed),
            w: [randomBlocks('w', type as GgmlTypeName, [nIn, nOut], seed + 1), 'matrix'],
            r: [source('r', [nOut, rows], normal(nOut * rows, seed + 2)), 'table'],
            bias: [source('bias', [nOut], normal(nOut, seed + 3)), 'vector'],
          } as const;
          const graph: Parameters<typeof evaluate>[3] = (ops, w) =>
            ops.linear(
              ops.columns(rowsOf(ops, w.x), 32, nIn),
              { weight: w.w, bias: w.bias },
              { activation: 'gelu', residual: residual ? rowsOf(ops, w.r) : undefined },
            );
          await expectAsReference(backend, sources, countingBatch([rows]), graph);
          const all = await evaluate(backend, sources, countingBatch([rows]), graph);
          const alone = await evaluate(backend, sources, countingBatch([3]), graph);
          expect(all.slice(0, 3 * nOut)).toEqual(alone);
        },
      ),
      { numRuns: 8 },
    );
  });

  it('every tile gives the same bits', async () => {
    const sources = { x: input(21, 160, 1), w: [randomBlocks('w', 'Q5_1', [160, 72], 2), 'matrix'] } as const;
    const product = (on: WebGpuBackend, rows: number) =>
      evaluate(on, sources, countingBatch([rows]), (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w }));
    const wanted = await product(backend, 8);
    for (const tile of [
      { bm: 16, bn: 16, tm: 1, tn: 4 },
      { bm: 8, bn: 32, tm: 2, tn: 8 },
    ]) {
      const tiled = await webgpu({ precision: 'fast', strategy: 'int8', tile });
      expect((await product(tiled, 21)).slice(0, 8 * 72)).toEqual(wanted);
      tiled.dispose();
    }
  });

  it('rounds other activations to eight bits, once for all products that read them', async () => {
    const sources = { x: input(12, 256, 1), w: [randomBlocks('w', 'Q8_0', [256, 40], 2), 'matrix'] } as const;
    await expectAsReference(
      backend,
      sources,
      countingBatch([12]),
      (ops, w) => {
        const x = rowsOf(ops, w.x);
        return ops.add(ops.linear(x, { weight: w.w }), ops.linear(x, { weight: w.w }));
      },
      1e-2,
    );
    // A backend that checks every launch by itself times none.
    const timing = await webgpu({ precision: 'fast', strategy: 'int8', debug: false });
    const timings = await timing.timed(() =>
      evaluate(timing, sources, countingBatch([12]), (ops, w) => {
        const x = rowsOf(ops, w.x);
        return ops.add(ops.linear(x, { weight: w.w }), ops.linear(x, { weight: w.w }));
      }),
    );
    expect(timings.map(({ label }) => label).filter((label) => /quantize|linear/.test(label))).toEqual([
      'quantize',
      'linear w',
      'linear w',
    ]);
    timing.dispose();
    const exact = await webgpu();
    const product: Parameters<typeof evaluate>[3] = (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w });
    expect(await evaluate(backend, sources, countingBatch([12]), product)).not.toEqual(
      await evaluate(exact, sources, countingBatch([12]), product),
    );
    exact.dispose();
  });

  it('is not used unless precision is fast, and zero stays zero', async () => {
    const sources = {
      x: [source('x', [64, 3], new Float32Array(192)), 'table'],
      w: [randomBlocks('w', 'Q4_0', [64, 8], 2), 'matrix'],
    } as const;
    const result = await evaluate(backend, sources, countingBatch([3]), (ops, w) =>
      ops.linear(rowsOf(ops, w.x), { weight: w.w }),
    );
    expect(result.every((v) => v === 0)).toBe(true);
    const high = await webgpu({ strategy: 'int8' });
    await expectAsReference(
      high,
      { ...sources, x: input(12, 64, 1) },
      countingBatch([12]),
      (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w }),
      1e-6,
    );
    high.dispose();
  });
});
