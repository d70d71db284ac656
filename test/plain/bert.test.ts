/**
 * @file The plain path against the engine: the same tokens, and the same vectors to 1e-6.
 */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { dequantize, embed, halfToFloat, loadBert, splitWords, tokenize } from '../../src/plain/bert.ts';
import { type BundledReference, bundled, fixture, recorded } from '../engine/support.ts';

const file = new Uint8Array(readFileSync(bundled));
const model = loadBert(file);
const exact = await Embedder.load(bundled, { backend: 'reference', worker: false });
const { cases } = recorded<BundledReference>('all-MiniLM-L6-v2');
afterAll(() => exact.dispose());

it('is one file of at most 300 lines that imports nothing', () => {
  const text = readFileSync(new URL('../../src/plain/bert.ts', import.meta.url), 'utf8');
  expect(text.split('\n').length).toBeLessThanOrEqual(301);
  expect(text).not.toMatch(/^\s*(import|export \*|export \{)/m);
});

/** The names of special tokens are plain text to it. */
const plainCases = cases.filter(({ text }) => !/\[(CLS|SEP|MASK|PAD|UNK)\]/.test(text));

it('gives the tokens of llama.cpp', () => {
  expect(plainCases.length).toBeGreaterThan(cases.length - 5);
  for (const { text, tokens } of plainCases) expect(tokenize(model.header.metadata, text), text).toEqual(tokens);
});

it('gives the vectors of the engine to 1e-6', async () => {
  for (const { text } of plainCases.filter(({ tokens }, i) => tokens.length <= 20 && i % 6 === 0)) {
    const { vectors } = await exact.embed(text);
    const vector = embed(model, text);
    const largest = vector.reduce((max, value, i) => Math.max(max, Math.abs(value - vectors[0][i])), 0);
    expect(largest, text).toBeLessThan(1e-6);
  }
});

it.each(['bert-mean'])('gives the vectors of the engine on a float32 file: %s', async (name) => {
  const engine = await Embedder.load(fixture(name), { backend: 'reference', worker: false });
  const plain = loadBert(new Uint8Array(readFileSync(fixture(name))));
  const { vectors } = await engine.embed('Hello world, another file');
  const vector = embed(plain, 'Hello world, another file');
  expect(Math.max(...vector.map((value, i) => Math.abs(value - vectors[0][i])))).toBeLessThan(1e-6);
  await engine.dispose();
});

describe('parts', () => {
  it('half floats', () => {
    const pairs = [
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x0001, 2 ** -24],
      [0x8000, -0],
      [0x7c00, Number.POSITIVE_INFINITY],
    ];
    for (const [bits, value] of pairs) expect(halfToFloat(bits)).toBe(value);
    expect(halfToFloat(0x7e00)).toBeNaN();
  });

  it('words', () => {
    expect(splitWords('Él said: "naïve—café"\t你好 a+b')).toEqual([
      'el',
      'said',
      ':',
      '"',
      'naive',
      '—',
      'cafe',
      '"',
      '你',
      '好',
      'a',
      '+',
      'b',
    ]);
  });

  it('unsupported files are refused', () => {
    expect(() => loadBert(new Uint8Array(64))).toThrow('this is not a GGUF file');
    expect(() => loadBert(new Uint8Array(readFileSync(fixture('qwen3'))))).toThrow('only BERT');
    expect(() => dequantize(file, { shape: [1], type: 2, offset: 0 })).toThrow('tensors of type 2');
    expect(() => model.weights('missing')).toThrow('the file has no tensor missing');
  });
});
