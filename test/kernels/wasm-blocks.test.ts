/** @file Matrices that stay in the file's blocks, inside the kernels' memory or outside, give the same bits as panels, at every precision. */
import { expect, it } from 'vitest';
import { createWasmBackend, type PrepareOptions, prepareWasm } from '../../src/kernels/wasm/index.ts';
import type { Precision } from '../../src/tensor/backend.ts';
import { normal } from '../random.ts';
import { batchOf, load, type Sources, source } from './graphs.ts';

const [k, ff, nVocab] = [320, 96, 50];

/** `y = x + W₂ (W₁ x)` and once more with the result: tensors lie behind the scratch while panels are unpacked. */
async function result(precision: Precision, options: PrepareOptions, type: 'F32' | 'Q8_0', lengths: number[]) {
  const sources: Sources = {
    x: [source('x', [k, nVocab], normal(k * nVocab, 1), type), 'table'],
    up: [source('up', [k, ff], normal(k * ff, 2, 0.1), type), 'matrix'],
    down: [source('down', [ff, k], normal(ff * k, 3, 0.1), type), 'matrix'],
  };
  const backend = await createWasmBackend({ precision, setup: await prepareWasm(options) });
  const w = await load(backend, sources);
  const { ops } = backend;
  ops.begin(batchOf(lengths, nVocab));
  let x = ops.embedding(w.x, 'ids');
  for (let layer = 0; layer < 2; layer++) {
    const hidden = ops.linear(x, { weight: w.up }, { activation: 'gelu' });
    x = ops.add(x, ops.linear(hidden, { weight: w.down }));
  }
  const values = await ops.read(x);
  backend.dispose();
  return values;
}

const outside = { keepBlocks: true, weightBytes: 2 ** 22, insideBytes: 65536 };
const cases = (['exact', 'high', 'fast'] as const).flatMap((precision) =>
  (['F32', 'Q8_0'] as const).flatMap((type) =>
    [[1], [3, 40, 17]].map((lengths) => [precision, type, lengths] as const),
  ),
);

it.each(cases)('%s, %s, sequences of %j', async (precision, type, lengths) => {
  const panels = await result(precision, {}, type, lengths);
  expect(await result(precision, { keepBlocks: true }, type, lengths)).toEqual(panels);
  expect(await result(precision, outside, type, lengths)).toEqual(panels);
});
