/**
 * @file Every checkout gives the same bytes as llama.cpp's converter, but for what that one leaves out.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { createTokenizer } from '../../src/tokenizer/index.ts';
import { load, run } from '../models/support.ts';
import { cosine, floats } from '../vectors.ts';
import { convertAsLlamaCpp, firstDifference, readDescription, unpackCheckout } from './support.ts';

const names = [
  'bert-mean',
  'bert-cls-sharded',
  'bert-torch',
  'bert-rerank',
  'distilbert-mean',
  'roberta-mean',
  'xlmr-mean',
  'xlmr-rerank',
  'nomic-bert',
  'modern-bert',
];

describe.each(names)('%s', (name) => {
  let path: string;
  beforeAll(() => {
    path = unpackCheckout(name);
  });
  afterAll(() => rmSync(dirname(path), { recursive: true }));

  test.each(['F32', 'F16', 'Q8_0'] as const)('%s', async (type) => {
    const bytes = await convertAsLlamaCpp(path, name, type);
    expect(await firstDifference(bytes, readDescription(name).types[type])).toBeUndefined();
  });

  test('answers as llama.cpp does', async () => {
    const { embedding, rerank } = readDescription(name);
    const file = await openGguf(memorySource(await convertAsLlamaCpp(path, name, 'F32')));
    const tokenizer = createTokenizer(file.metadata);
    const loaded = await load(name, file);
    for (const { text, tokens, embedding: expected } of embedding?.cases ?? []) {
      expect(tokenizer.encode(text), text).toEqual(tokens);
      const [vector] = await run(loaded, [tokens]);
      expect(cosine(vector, floats(expected)), text).toBeGreaterThan(0.99999);
    }
    for (const { text, score, pair_tokens: pair } of rerank?.documents ?? []) {
      expect(tokenizer.encodePair(rerank!.query, text), text).toEqual(pair);
      const [[found]] = await run(loaded, [pair], 'rank');
      // llama.cpp reads GELU from a table of halves.
      expect(Math.abs(found - score), text).toBeLessThan(3e-3);
    }
    expect((embedding?.cases ?? rerank?.documents)?.length).toBeGreaterThan(0);
    await file.close();
  });
});
