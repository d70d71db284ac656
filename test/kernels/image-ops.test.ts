/** @file What images need of the wasm backend, against the reference backend. */
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import { batchOf, evaluate } from './graphs.ts';
import { imageCases } from './image-graphs.ts';
import { both, distance } from './wasm-helpers.ts';

describe.each(Object.entries(imageCases))('%s', (_, { sources, batch, graph }) => {
  it.each([
    ['exact', 2e-6],
    ['high', 2e-3],
  ] as const)('is near the reference at %s', async (precision, tolerance) => {
    const { wasm, reference } = await both(sources, batch, graph, { precision });
    expect(distance(wasm, reference)).toBeLessThan(tolerance);
  });
});

describe('an inconsistent batch', () => {
  const batch = batchOf([3, 2]);
  it.each<[string, Partial<Batch>]>([
    ['coordinates', { coordinates: new Int32Array(19) }],
    ['numbers of tokens ahead', { ahead: new Int32Array(4) }],
    ['image spans', { spans: { image: Int32Array.of(0, 3, 3, 5) } }],
    ['window spans', { spans: { window: Int32Array.of(0, 4) } }],
    ['rows of a mixture', { mixture: [{ rows: new Int32Array(4), weights: new Float32Array(5) }] }],
    ['weights of a mixture', { mixture: [{ rows: new Int32Array(5), weights: new Float32Array(6) }] }],
    ['pooling from', { poolFrom: Int32Array.of(0, 5) }],
    ['pooling from', { poolFrom: Int32Array.of(0) }],
    ['are seen of sequences', { seen: Int32Array.of(3) }],
    ['are seen of sequences', { seen: Int32Array.of(3, 3) }],
    ['are seen of sequences', { seen: Int32Array.of(0, 2) }],
    ['in rows of', { given: { values: new Float32Array(7), width: 2, at: new Int32Array(5) } }],
    ['in rows of', { given: { values: new Float32Array(4), width: 2, at: Int32Array.of(0, 1, 2, -1, -1) } }],
  ])('%s', async (message, change) => {
    const { ops } = await createReferenceBackend();
    expect(() => ops.begin({ ...batch, ...change })).toThrow(message);
  });

  it('names what an operation misses', async () => {
    const backend = await createReferenceBackend();
    const { sources } = imageCases['rows of a mixture'];
    const run = (change: Partial<Batch>, graph: (typeof imageCases)[string]['graph']) =>
      evaluate(backend, sources, { ...batch, ...change }, graph);
    await expect(run({}, (ops) => ops.given(0, 4))).rejects.toThrow('has no given rows');
    const given = { values: new Float32Array(4), width: 2, at: Int32Array.of(0, 1, -1, -1, -1) };
    await expect(run({ given }, (ops) => ops.given(0, 2))).rejects.toThrow('neither a given row');
    await expect(run({ given }, (ops) => ops.given(1, 2))).rejects.toThrow('columns [1, 3) do not exist');
    await expect(run({}, (ops, w) => ops.embedding(w.x, { term: 0 }))).rejects.toThrow('no mixture of 1 terms');
    await expect(run({}, (ops, w) => ops.pool(ops.embedding(w.x, 'ids'), 'concat'))).rejects.toThrow(
      'have different lengths',
    );
  });
});
