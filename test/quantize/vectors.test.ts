/** @file The vectors of quantised models are as near to those of the float32 model as with llama-quantize's files. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { memorySink, memorySource, openGguf } from '../../src/gguf/index.ts';
import { quantize } from '../../src/quantize/quantize.ts';
import type { TargetTypeName } from '../../src/quantize/types.ts';
import { cosine, floats } from '../vectors.ts';

const read = (path: string) => new Uint8Array(readFileSync(new URL(`../fixtures/${path}`, import.meta.url)));
const reference = JSON.parse(new TextDecoder().decode(read('reference/quant.json')));

/** Recorded vectors. */
const decode = (vectors: string[]) => vectors.map(floats);

/** Mean of 1 − cosine over pairs of vectors. */
function distance(a: Float32Array[], b: Float32Array[]): number {
  return a.reduce((sum, x, i) => sum + 1 - cosine(x, b[i]), 0) / a.length;
}

let exact: Float32Array[];
beforeAll(() => {
  exact = decode(reference.f32);
});

/**
 * The same types that llama-quantize --pure made, and how much farther the vectors may be: chance moves them by a few
 * percent.
 */
const allowed = 1.2;

test.each([
  ['F16', 'F16'],
  ['Q8_0', 'Q8_0'],
  ['Q6_K', 'Q6_K'],
  ['Q5_K_S', 'Q5_K'],
  ['Q5_1', 'Q5_1'],
  ['Q5_0', 'Q5_0'],
  ['Q4_K_S', 'Q4_K'],
  ['IQ4_NL', 'IQ4_NL'],
  ['Q4_1', 'Q4_1'],
  ['Q4_0', 'Q4_0'],
] satisfies [TargetTypeName, string][])('%s', async (type, recorded) => {
  const sink = memorySink();
  await quantize(await openGguf(memorySource(read('models/bert-q.gguf'))), sink, type, { pure: true });
  const embedder = await Embedder.load(sink.bytes(), { backend: 'reference', worker: false });
  const { vectors } = await embedder.embed(reference.tokens, { normalize: -1 });
  await embedder.dispose();
  const theirs = distance(decode(reference.types[recorded].dequantised), exact);
  expect(distance(vectors, exact)).toBeLessThanOrEqual(allowed * theirs + 1e-6);
});
