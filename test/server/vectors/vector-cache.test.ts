/**
 * @file The cache tells inputs apart by all that decides about their vectors, and stays within its bounds.
 */
import { expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { createState, withModel } from '../../../src/server/state.ts';
import { computeVectors } from '../../../src/server/vectors/compute-vectors.ts';
import { VectorCache } from '../../../src/server/vectors/vector-cache.ts';
import { fixture } from '../http-fixture.ts';

it('where the second text of a pair begins is part of the key, and goes with the inputs that are missing', async () => {
  const embedder = await Embedder.load(fixture('models/bert-rank.gguf'), { backend: 'reference', worker: false });
  const asked: (readonly number[] | undefined)[] = [];
  const engine = {
    info: embedder.info,
    metadata: embedder.metadata,
    tokenizer: embedder.tokenizer,
    nWaiting: 0,
    nWaitingTokens: 0,
    failure: undefined,
    lora: [],
    setLora: () => {},
    tokenize: embedder.tokenize.bind(embedder),
    detokenize: embedder.detokenize.bind(embedder),
    embed: ((inputs, options) => {
      asked.push(options?.pairStarts);
      return embedder.embed(inputs, options);
    }) satisfies typeof embedder.embed,
  };
  const state = withModel(createState({ cacheSize: 100 }), engine);
  const context = {
    state,
    client: undefined,
    signal: new AbortController().signal,
    reserve: () => {},
    reserveBytes: () => {},
    countTokens: () => {},
  };
  const [first, second] = ['a', 'b'].map((text) => embedder.tokenizer.encodePair('query', text));
  await computeVectors(context, [first], { pairStarts: [2] });
  await computeVectors(context, [first], {});
  await computeVectors(context, [first, second], { pairStarts: [2, 3] });
  await computeVectors(context, [first, second], { pairStarts: [2, 3] });
  expect(asked).toEqual([[2], undefined, [3]]);
  await embedder.dispose();
});

it('keeps as many vectors as it may, and forgets the least recently used', () => {
  const cache = new VectorCache(2, 2 ** 20);
  for (const key of ['a', 'b']) cache.set(key, new Float32Array([1]));
  cache.get('a');
  cache.set('c', new Float32Array([1]));
  expect(['a', 'b', 'c'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true]);
});

it('keeps no more bytes than it may, whatever the number and size of vectors', () => {
  const cache = new VectorCache(10_000_000, 100_000);
  for (let i = 0; i < 1000; i++) cache.set(`key ${i}`, new Float32Array(384));
  expect(cache.bytes).toBeLessThanOrEqual(100_000);
  expect(cache.size).toBeGreaterThan(40);
  expect(cache.size).toBeLessThan(65);
  cache.set('large', new Float32Array(20_000));
  expect(cache.bytes).toBeLessThanOrEqual(100_000);
  cache.set('too large', new Float32Array(30_000));
  expect(cache.get('too large')).toBeUndefined();
  expect(cache.get('large')).toBeDefined();
});

it('counts the bytes of keys', () => {
  const cache = new VectorCache(1000, 100_000);
  for (let i = 0; i < 100; i++) cache.set(`${i} ${'x'.repeat(5000)}`, new Float32Array(1));
  expect(cache.size).toBeLessThan(10);
});

it('does not keep the vectors of a whole batch for one of them', () => {
  const cache = new VectorCache(1000, 100_000);
  cache.set('one', new Float32Array(10_000).subarray(10, 12));
  expect(cache.get('one')?.buffer.byteLength).toBe(8);
});
