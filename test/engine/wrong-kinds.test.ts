/** @file What callers in JavaScript pass by mistake: each function of the library refuses it in words of its own. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  chunk,
  Embedder,
  loadTokenizer,
  maxSim,
  modelUrls,
  openGguf,
  Reranker,
  type TokenVectors,
  toInt8,
} from '../../src/index.ts';
import { fixture } from './support.ts';

const values: readonly unknown[] = [
  undefined,
  null,
  5,
  Number.NaN,
  true,
  10n,
  Symbol('s'),
  () => {},
  {},
  Object.create(null),
  [null],
  new Map([[1, 2]]),
  new Date(0),
  { a: 1 },
  { values: 'abc', dimensions: 3 },
];

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('bert-mean'), { backend: 'reference' });
});
afterAll(() => embedder.dispose());

/** What JavaScript says when a value is used for what it is not. */
const fromInside = /Cannot|is not a function|is not iterable|is not defined|of undefined|of null|Invalid|Reduce/;
const vectors: TokenVectors = { values: new Float32Array(4), dimensions: 2 };

/** Each function with `value` in one place. Where the value may be left out, it is not `undefined`. */
const calls: Readonly<Record<string, (value: never) => unknown>> = {
  'Embedder.load': (value) => Embedder.load(value),
  'Reranker.load': (value) => Reranker.load(value),
  loadTokenizer: (value) => loadTokenizer(value),
  openGguf: (value) => openGguf(value),
  modelUrls: (value) => modelUrls(value),
  'chunk of a text': (value) => chunk(value, embedder.tokenizer),
  'chunk by a tokenizer': (value) => chunk('a text', value),
  'maxSim of a query': (value) => maxSim(value, vectors),
  'maxSim of a document': (value) => maxSim(vectors, value),
  toInt8: (value) => toInt8(value),
  embed: (value) => embedder.embed(value),
  'options of embed': (value) => embedder.embed('a text', { promptName: value ?? null }),
  embedChunks: (value) => embedder.embedChunks(value),
  trace: (value) => embedder.trace(value),
  tokenize: (value) => embedder.tokenize(value),
  detokenize: (value) => embedder.detokenize(value),
  setLora: (value) => embedder.setLora(value),
  encode: (value) => embedder.tokenizer.encode(value),
  encodePair: (value) => embedder.tokenizer.encodePair('a text', value),
  decode: (value) => embedder.tokenizer.decode(value),
};

it.each(Object.keys(calls))('%s names a value of the wrong kind', async (name) => {
  for (const value of values) {
    const error: Error = await Promise.resolve()
      .then(() => calls[name](value as never))
      .then(
        () => expect.fail(`takes ${typeof value}`),
        (reason) => reason,
      );
    expect(error.message, `for ${typeof value}`).not.toMatch(fromInside);
    expect(error.message.length, error.message).toBeGreaterThan(20);
  }
});
