/**
 * @file The cache tells inputs apart by all that decides about their vectors.
 */
import { expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { makeHouse, makeService } from '../../src/server/state.ts';
import { computeVectors } from '../../src/server/vectors/compute.ts';
import { fixture } from './http-fixture.ts';

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
    tokenize: embedder.tokenize.bind(embedder),
    detokenize: embedder.detokenize.bind(embedder),
    embed: ((inputs, options) => {
      asked.push(options?.pairStarts);
      return embedder.embed(inputs, options);
    }) satisfies typeof embedder.embed,
  };
  const service = makeService(engine, makeHouse({ cacheSize: 100 }));
  const order = {
    service,
    client: undefined,
    signal: new AbortController().signal,
    reserve: () => {},
    countTokens: () => {},
  };
  const [first, second] = ['a', 'b'].map((text) => embedder.tokenizer.encodePair('query', text));
  await computeVectors(order, [first], { pairStarts: [2] });
  await computeVectors(order, [first], {});
  await computeVectors(order, [first, second], { pairStarts: [2, 3] });
  await computeVectors(order, [first, second], { pairStarts: [2, 3] });
  expect(asked).toEqual([[2], undefined, [3]]);
  await embedder.dispose();
});
