/**
 * @file Ids equal those of `@huggingface/tokenizers` on random texts, but for differences that are known and explained in
 * docs/tokenizers.md. Each of these is shown on an example, so that the list cannot rot.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { huggingFace } from '../../bench/tokenizer/hugging-face.mjs';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { createTokenizer } from '../../src/tokenizer/index.ts';
import { randomText } from './random-text.ts';

interface Difference {
  readonly name: string;
  /** Texts that the difference can touch. */
  readonly in: RegExp;
  readonly example: string;
}

const nextLine: Difference = {
  name: 'RegExp takes U+FEFF for whitespace, and U+0085 not',
  in: /[\x85\ufeff]/,
  example: 'a \x85b',
};
const endOfText: Difference = { name: 'a name makes </s> a control token', in: /<\/s>/, example: 'a</s>b' };
const clusters: Difference = {
  name: 'the charsmap is applied to grapheme clusters',
  in: /\p{M}/u,
  example: 't\u0300\u094d',
};
const wordPiece: readonly Difference[] = [
  { name: 'U+0085 and vertical tabs separate words', in: /[\v\f\x85]/, example: 'a\vb' },
  { name: 'spacing and enclosing marks are dropped', in: /[\p{Mc}\p{Me}]/u, example: 'v\u093e' },
  { name: 'of a Hangul syllable the leading consonant is kept', in: /[\uac00-\ud7a3]/, example: '가' },
  { name: 'the last sigma of a word becomes no final one', in: /Σ/, example: 'réΣ' },
  { name: 'U+2581 in a text marks the beginning of a word', in: /▁/, example: 'タ▁t' },
  { name: 'ideographs beyond U+FFFF are words of their own', in: /[\u{20000}-\u{2fa1f}]/u, example: 's\u{2fa1f}' },
];

describe.each<[path: string, differences: readonly Difference[]]>([
  ['vocab/ggml-vocab-bert-bge.gguf.gz', wordPiece],
  ['vocab/ggml-vocab-gpt-2.gguf.gz', [nextLine]],
  ['vocab/ggml-vocab-qwen2.gguf.gz', [endOfText]],
  ['models/llama-bpe.gguf', []],
  ['vocab/ggml-vocab-llama-spm.gguf.gz', []],
  ['models/bert-xlmr.gguf', [clusters]],
  ['vocab/ggml-vocab-nomic-bert-moe.gguf.gz', [clusters]],
])('%s', async (path, differences) => {
  const file = readFileSync(new URL(`../fixtures/${path}`, import.meta.url));
  const { metadata } = await openGguf(memorySource(path.endsWith('.gz') ? gunzipSync(file) : file, path));
  const ours = createTokenizer(metadata);
  const theirs = huggingFace(metadata);
  const encode = (text: string) => [
    ours.encode(text, { addSpecial: false }),
    theirs.encode(text, { add_special_tokens: false }).ids,
  ];

  test('equal ids on random texts', () => {
    let compared = 0;
    for (let seed = 0; compared < 400; seed++) {
      const text = randomText(seed);
      if (differences.some((difference) => difference.in.test(text))) continue;
      const [got, wanted] = encode(text);
      expect(got, JSON.stringify(text)).toEqual(wanted);
      compared++;
    }
  });

  for (const { name, in: touched, example } of differences) {
    test(`known difference: ${name}`, () => {
      expect(example).toMatch(touched);
      const [got, wanted] = encode(example);
      expect(got).not.toEqual(wanted);
    });
  }
});
