/**
 * @file Every weight type: the tile loader in the shader against the codec, by embedding lookups and by products with operands
 * in float32 and in f16. (Those in eight bits are in int8.test.ts, on subgroup matrices in matrix.test.ts.)
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GgmlTypeName, ggmlTypes } from '../../../src/gguf/ggml-types.ts';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { loaders } from '../../../src/kernels/webgpu/loaders/index.ts';
import { codecs } from '../../../src/tensor/codecs/index.ts';
import { normal } from '../../random.ts';
import { batchOf, countingBatch, evaluate, type Graph, type Sources, source } from '../graphs.ts';
import { describeGpu, expectAsReference, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const types = [...loaders.keys()] as GgmlTypeName[];

describeGpu('tile loaders', () => {
  let backend: WebGpuBackend;
  let halves: WebGpuBackend;
  beforeAll(async () => {
    const tile = { bm: 16, bn: 16, tm: 1, tn: 4 };
    backend = await webgpu({ tile });
    halves = await webgpu({ tile, precision: 'fast', strategy: 'float' });
  });
  afterAll(() => {
    backend.dispose();
    halves.dispose();
  });

  it('cover every type that has a codec for blocks', () => {
    const intermediate = ['Q8_1', 'Q8_K'];
    const blocks = Object.values(codecs).filter((codec) => codec !== undefined && codec.type.blockSize > 1);
    for (const codec of blocks) {
      if (!intermediate.includes(codec!.type.name)) expect(types).toContain(codec!.type.name);
    }
  });

  it('do not expand blocks: a block has the same size in GPU memory', () => {
    for (const { type, bodyBytes, headBytes, blockBytes, blockSize } of loaders.values()) {
      expect(bodyBytes + headBytes, type).toBe(blockBytes);
      expect(blockBytes / blockSize, type).toBe(ggmlTypes[type].blockBytes / ggmlTypes[type].blockSize);
    }
  });

  it.each(types)('%s: rows of a table', async (type) => {
    const table = randomBlocks('table', type, [512, 9], 3);
    const batch = batchOf([5, 7], 9);
    const actual = await evaluate(backend, { table: [table, 'table'] }, batch, (ops, w) =>
      ops.embedding(w.table, 'ids'),
    );
    const bytes = new Uint8Array(table.byteLength);
    await table.read(0, bytes);
    const values = new Float32Array(512 * 9);
    codecs[type].dequantize(bytes, values, values.length);
    batch.ids.forEach((id, t) => {
      const [got, want] = [actual.subarray(t * 512, (t + 1) * 512), values.subarray(id * 512, (id + 1) * 512)];
      for (let i = 0; i < 512; i++) {
        // Types with a minimum may fuse d·q − m, which saves a rounding.
        if (Math.abs(got[i] - want[i]) > 1e-6 * (1 + Math.abs(want[i]))) {
          expect.fail(`${type}, row ${id}, value ${i}: ${got[i]} instead of ${want[i]}`);
        }
      }
    });
  });

  it.each(types)('%s: products of few and of many rows', async (type) => {
    for (const rows of [1, 37]) {
      const sources = {
        x: input(rows, 512, 5),
        w: [randomBlocks('w', type, [512, 70], 6), 'matrix'],
      } as const;
      const product: Graph = (ops, w) => ops.linear(rowsOf(ops, w.x), { weight: w.w });
      await expectAsReference(backend, sources, countingBatch([rows]), product);
      await expectAsReference(halves, sources, countingBatch([rows]), product, 2e-3);
    }
  });

  it.each(types)('%s: experts of a mixture', async (type) => {
    const sources: Sources = {
      x: input(9, 256, 5),
      router: [source('router', [256, 4], normal(1024, 6)), 'matrix'],
      up: [randomBlocks('up', type, [256, 256, 4], 7), 'experts'],
      down: [randomBlocks('down', type, [256, 256, 4], 8), 'experts'],
    };
    const mixture: Graph = (ops, w) =>
      ops.moe(rowsOf(ops, w.x), { router: w.router, up: w.up, down: w.down, nUsed: 2, activation: 'silu' });
    await expectAsReference(backend, sources, countingBatch([9]), mixture);
  });
});
