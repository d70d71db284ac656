/** @file Every architecture and every quantised fixture on the wasm backend, against the reference backend. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { loadModel } from '../../src/models/index.ts';
import type { Backend, Precision } from '../../src/tensor/backend.ts';
import type { Batch } from '../../src/tensor/ops.ts';
import { cosine } from '../vectors.ts';
import { batchOf } from './graphs.ts';
import { distance } from './wasm-helpers.ts';

const folder = new URL('../fixtures/models/', import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.gguf'))
  .sort();

/** Three sequences: of the recorded texts where there are some (unused rows of these vocabularies are zero), else of random ids. */
function threeSequences(file: string, nVocab: number): Batch {
  const recorded = new URL(`../reference/embed/${file.replace('.gguf', '.json')}`, folder);
  if (!existsSync(recorded)) return batchOf([3, 40, 17], nVocab);
  const { cases } = JSON.parse(readFileSync(recorded, 'utf8')) as { cases: { tokens: number[] }[] };
  const sequences = cases
    .map(({ tokens }) => tokens)
    .filter(({ length }) => length > 2 && length < 100)
    .slice(0, 3);
  return { ...batchOf(sequences.map(({ length }) => length)), ids: Int32Array.from(sequences.flat()) };
}

/** Vectors of three sequences. */
async function vectors(file: string, backend: Backend): Promise<Float32Array[]> {
  const gguf = await openGguf(memorySource(new Uint8Array(readFileSync(new URL(file, folder))), file));
  const model = await loadModel(gguf, backend);
  const batch = threeSequences(file, gguf.tensors.get('token_embd.weight')!.shape[1]);
  backend.ops.begin(batch);
  const { pooling } = model.hparams;
  const pooled = model.pool(backend.ops, model.forward(backend.ops), pooling === 'none' ? 'mean' : pooling);
  const values = await backend.ops.read(pooled);
  backend.dispose();
  return Array.from({ length: pooled.rows }, (_, r) => values.slice(r * pooled.cols, (r + 1) * pooled.cols));
}

/** 1 − cosine; for rows of a few scores the distance. */
function difference(a: Float32Array, b: Float32Array): number {
  if (a.length < 8) return distance(a, b);
  return 1 - cosine(a, b);
}

describe.each(files)('%s', (file) => {
  const expected = createReferenceBackend().then((backend) => vectors(file, backend));

  it.each<[Precision, number, number]>([
    ['exact', 1e-6, 1e-4],
    ['high', 1e-5, 3e-3],
    // Random weights err more than those of a trained model, which stay below 1e-3.
    ['fast', 2e-3, 5e-2],
  ])('is near the reference at %s', async (precision, most, score) => {
    const found = await vectors(file, await createWasmBackend({ precision }));
    (await expected).forEach((row, i) => {
      expect(difference(found[i], row)).toBeLessThan(row.length < 8 ? score : most);
    });
  });

  it('gives the same bits from packed weights, from the blocks of the file, and from blocks outside of WebAssembly memory', async () => {
    const packed = await vectors(file, await createWasmBackend());
    const setup = await prepareWasm({ keepBlocks: true });
    expect(await vectors(file, await createWasmBackend({ setup }))).toEqual(packed);
    const shelved = await prepareWasm({ keepBlocks: true, weightBytes: 2 ** 24, insideBytes: 0 });
    expect(shelved.shelf).toBeDefined();
    expect(await vectors(file, await createWasmBackend({ setup: shelved }))).toEqual(packed);
  });
});
