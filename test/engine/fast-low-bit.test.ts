/** @file `fast` computes with 8-bit activations on every Node, also on Node 20, where relaxed SIMD is experimental; `high` leaves that off. */
import { expect, it } from 'vitest';
import { Embedder } from '../../src/index.ts';

const model = new URL('../fixtures/models/quant/bert-q-Q4_0.gguf', import.meta.url).pathname;
const experimental = process.versions.node.startsWith('20.');

async function load(precision: 'high' | 'fast', reproducible = false) {
  const embedder = await Embedder.load(model, {
    precision,
    reproducible,
    packing: true,
    backend: 'wasm',
    worker: false,
  });
  const { vectors } = await embedder.embed(['the same words']);
  const description = embedder.info.backendDescription;
  await embedder.dispose();
  return { vector: vectors[0], description };
}

it('low-bit weights are multiplied in their own integers, and no other load is changed by that', async () => {
  const before = await load('high');
  const fast = await load('fast');
  const after = await load('high');
  expect(fast.description).toMatch(/relaxed SIMD.*8-bit activations/);
  expect(fast.vector).not.toEqual(before.vector);
  expect(after).toEqual(before);
  expect(after.description.includes('relaxed')).toBe(!experimental);
  expect((await load('fast', true)).description).not.toContain('relaxed');
});
