/**
 * @file Weights that are expanded to f16 on the GPU, against the codecs, and when they are.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/gguf/ggml-types.ts';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { loaders } from '../../../src/kernels/webgpu/loaders/index.ts';
import { expands } from '../../../src/kernels/webgpu/weight-form.ts';
import type { WeightSource } from '../../../src/tensor/backend.ts';
import { f16ToF32, f32ToF16 } from '../../../src/tensor/codecs/half.ts';
import { codecs } from '../../../src/tensor/codecs/index.ts';
import { batchOf, bytesSource, countingBatch, evaluate, type Sources } from '../graphs.ts';
import { describeGpu, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const types = [...loaders.keys()].filter((type) => codecs[type].type.blockSize > 1) as GgmlTypeName[];

describeGpu('expanded weights', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await webgpu({ gpuWeights: 'f16' });
  });
  afterAll(() => backend.dispose());

  /** The values of a weight in GPU memory, and those of the codec, rounded to f16. */
  async function valuesOf(table: WeightSource) {
    const [cols, rows] = table.shape as [number, number];
    const batch = { ...batchOf([rows]), ids: Int32Array.from({ length: rows }, (_, i) => i) };
    const got = await evaluate(backend, { table: [table, 'table'] }, batch, (ops, w) => ops.embedding(w.table, 'ids'));
    const bytes = new Uint8Array(table.byteLength);
    await table.read(0, bytes);
    const exact = new Float32Array(cols * rows);
    codecs[table.type.name].dequantize(bytes, exact, exact.length);
    return { got, exact };
  }

  it.each(types)('%s: every value is the nearest f16', async (type) => {
    const { got, exact } = await valuesOf(randomBlocks('table', type, [512, 7], 3));
    // Types with a minimum may fuse d·q − m, which may round to the neighbour.
    const fuses = loaders.get(type)!.int8?.low !== false;
    const wrong = exact.findIndex((value, i) => {
      const wanted = f16ToF32(f32ToF16(value));
      const step = Math.max(Math.abs(wanted) * 2 ** -10, 2 ** -24);
      return Math.abs(got[i] - wanted) > (fuses ? step : 0);
    });
    expect(wrong, `value ${wrong}: ${got[wrong]}, the codec has ${exact[wrong]}`).toBe(-1);
  });

  it('keeps subnormal values, rounds ties to even and clamps', async () => {
    // Q8_0 with the scales 2⁻²⁴ (the smallest subnormal one), 1 + 2⁻¹⁰ and 65504.
    const scales = [0x0001, 0x3c01, 0x7bff];
    const bytes = Uint8Array.from(
      scales.flatMap((d) => [d & 255, d >> 8, ...Array.from({ length: 32 }, (_, i) => i * 4)]),
    );
    const { got, exact } = await valuesOf(bytesSource('table', 'Q8_0', [32, 3], bytes));
    const wanted = exact.map((value) => Math.min(f16ToF32(f32ToF16(value)), 65504));
    expect(got).toEqual(wanted);
    expect(got[1]).toBe(4 * 2 ** -24);
    expect(got[65]).toBe(65504);
  });
});

describeGpu('products of expanded weights', () => {
  it('have the bits of those that round while they unpack', async () => {
    const sources: Sources = { x: input(19, 256, 1), w: [randomBlocks('w', 'Q8_0', [256, 40], 2), 'matrix'] };
    const product = async (options: object) => {
      const one = await webgpu({ precision: 'fast', strategy: 'float', ...options });
      const y = await evaluate(one, sources, countingBatch([19]), (ops, w) =>
        ops.linear(rowsOf(ops, w.x), { weight: w.w }),
      );
      const { memoryInUse } = one;
      one.dispose();
      return { y, memoryInUse };
    };
    const [packed, expanded] = [await product({ gpuWeights: 'quantised' }), await product({ gpuWeights: 'f16' })];
    expect(expanded.y).toEqual(packed.y);
    expect(expanded.memoryInUse).toBeGreaterThan(packed.memoryInUse + 0.8 * 256 * 40);
  });

  it('are taken by themselves where the type needs f16 operands and the budget leaves room', async () => {
    const sources: Sources = { x: input(3, 256, 1), w: [randomBlocks('w', 'IQ2_S', [256, 400], 2), 'matrix'] };
    const memory = async (options: object) => {
      const one = await webgpu({ precision: 'fast', layerWeights: 256 * 400, ...options });
      await evaluate(one, sources, countingBatch([3]), (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w }));
      const { memoryInUse } = one;
      one.dispose();
      return memoryInUse;
    };
    const large = await memory({ memoryBudget: 2 ** 22 });
    expect(large).toBeGreaterThan(2 * 256 * 400);
    expect(await memory({ memoryBudget: 2 ** 22, gpuWeights: 'quantised' })).toBeLessThan(large - 256 * 400);
    expect(await memory({ memoryBudget: 2 ** 22, precision: 'high' })).toBeLessThan(large - 256 * 400);
    expect(await memory({ memoryBudget: 400_000 })).toBeLessThan(large - 256 * 400);
  });
});

describe('the form of weights', () => {
  const info = (vendor: string) => ({ vendor, architecture: '' }) as GPUAdapterInfo;
  const base = {
    matrix: false,
    halves: true,
    int8: true,
    info: info('nvidia'),
    maxBufferSize: 2 ** 32,
    layerWeights: 1e8,
  };
  const [q8, iq2] = [loaders.get('Q8_0')!, loaders.get('IQ2_S')!];

  it('is f16 where products take f16 operands and the weights fit', () => {
    expect(expands('auto', q8, 'matrix', base)).toBe(false);
    expect(expands('auto', iq2, 'matrix', base)).toBe(true);
    expect(expands('auto', q8, 'matrix', { ...base, matrix: true })).toBe(true);
    expect(expands('auto', q8, 'matrix', { ...base, int8: false })).toBe(true);
    expect(expands('auto', iq2, 'matrix', { ...base, halves: false })).toBe(false);
    expect(expands('auto', iq2, 'table', base)).toBe(false);
    expect(expands('auto', iq2, 'matrix', { ...base, layerWeights: 6e8 })).toBe(false);
    expect(expands('auto', iq2, 'matrix', { ...base, info: info('intel') })).toBe(false);
    expect(expands('auto', iq2, 'matrix', { ...base, info: info('intel'), memoryBudget: 2 ** 30 })).toBe(true);
    expect(expands('auto', iq2, 'matrix', { ...base, memoryBudget: 3e8 })).toBe(false);
    expect(expands('auto', iq2, 'matrix', { ...base, layerWeights: undefined })).toBe(false);
  });

  it('is what the caller asks for', () => {
    expect(expands('f16', q8, 'table', { ...base, halves: false })).toBe(true);
    expect(expands('quantised', iq2, 'matrix', { ...base, matrix: true })).toBe(false);
  });
});
