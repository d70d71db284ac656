/** @file Every architecture and every quantised fixture on the wasm backend, against the reference backend. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import type { Backend, Precision } from '../../src/tensor/backend.ts';
import { load, openFixture, readJson, run } from '../models/support.ts';
import { random } from '../random.ts';
import { cosine } from '../vectors.ts';
import { distance } from './wasm-helpers.ts';

const fixtures = new URL('../fixtures/', import.meta.url);
const files = readdirSync(new URL('models/', fixtures), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.gguf'))
  .sort();

/** Three sequences: of the recorded texts where there are some (unused rows of these vocabularies are zero), else of random ids. */
function threeSequences(file: string, nVocab: number): number[][] {
  const recorded = `reference/embed/${file.replace('.gguf', '.json')}`;
  if (!existsSync(new URL(recorded, fixtures))) {
    const next = random(7);
    return [3, 40, 17].map((length) => Array.from({ length }, () => Math.floor(next() * nVocab)));
  }
  const { cases } = readJson<{ cases: { tokens: number[] }[] }>(recorded);
  const sequences = cases.map(({ tokens }) => tokens).filter(({ length }) => length > 2 && length < 100);
  return sequences.slice(0, 3);
}

/** Vectors of three sequences. */
async function vectors(name: string, backend: Backend): Promise<Float32Array[]> {
  const file = await openFixture(`models/${name}`);
  const loaded = await load(name, file, async () => backend);
  const { pooling } = loaded.model.hparams;
  const sequences = threeSequences(name, file.tensors.get('token_embd.weight')!.shape[1]);
  const rows = await run(loaded, sequences, pooling === 'none' ? 'mean' : pooling);
  backend.dispose();
  return rows;
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
    // Random weights err more than those of a trained model, which stay below 1e-3; most with 8-bit products, which V8 of Node 20 lacks.
    ['fast', ...(process.versions.node.startsWith('20.') ? ([2e-3, 5e-2] as const) : ([5e-3, 1e-1] as const))],
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
    const outside = await prepareWasm({ keepBlocks: true, weightBytes: 2 ** 24, insideBytes: 0 });
    expect(outside.outside).toBeDefined();
    expect(await vectors(file, await createWasmBackend({ setup: outside }))).toEqual(packed);
  });
});
