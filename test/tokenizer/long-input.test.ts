/**
 * @file Time is linear in the text, whatever it holds. Bounds are wide: they catch quadratic time.
 */
import { describe, expect, test } from 'vitest';
import { splitters } from '../../src/tokenizer/pretokenizers/splitters.ts';
import { utf8 } from '../../src/tokenizer/utf8.ts';
import { loadTokenizer } from './fixtures.ts';

const LENGTH = 100_000;
const fill = (text: string, length = LENGTH) => text.repeat(Math.ceil(length / utf8(text).length));

const texts: Readonly<Record<string, string>> = {
  'one letter': fill('a'),
  'one capital': fill('A'),
  'accented and plain capitals': fill('ÉA'),
  spaces: fill(' '),
  'spaces before a letter': `${fill(' ')}x`,
  newlines: fill('\n'),
  'spaces without a newline, then one': `${fill(' ')}\nx`,
  digits: fill('7'),
  punctuation: fill('!'),
  apostrophes: fill("'"),
  'combining marks': `a${fill('\u0301')}`,
  'single words with spaces': fill('a '),
  'ideographs without spaces': fill('中文'),
  'beginnings of special tokens': fill('<|endoftext'),
  brackets: fill('<'),
  'special tokens': fill('</s>[SEP]<|endoftext|>'),
};

/** Milliseconds; well above what a slow machine needs for linear time. */
const LIMIT = 8_000;

describe.each([
  'vocab/ggml-vocab-bert-bge.gguf.gz',
  'vocab/ggml-vocab-gpt-2.gguf.gz',
  'vocab/ggml-vocab-llama-spm.gguf.gz',
  'vocab/ggml-vocab-nomic-bert-moe.gguf.gz',
])('%s', async (path) => {
  const tokenizer = await loadTokenizer(path);
  const lossless = tokenizer.vocab.kind === 'bpe' || tokenizer.vocab.kind === 'spm';
  test.each(Object.keys(texts))('100 kB of %s', { timeout: LIMIT }, (name) => {
    const ids = tokenizer.encode(texts[name], { addSpecial: false });
    // SPM puts a space before text that begins or follows a special token.
    const decoded = tokenizer.decodePieces(ids).replaceAll('</s> ', '</s>').trimStart();
    if (lossless) expect(decoded === texts[name].trimStart()).toBe(true);
    else expect(ids.every((id) => id >= 0 && id < tokenizer.vocab.nTokens)).toBe(true);
  });

  test.each(['a', ' ', '\u0301', '<|endoftext'])('a megabyte of %j', { timeout: LIMIT }, (text) => {
    expect(tokenizer.encode(fill(text, 1_000_000)).length).toBeLessThan(1_000_000 + 3);
  });
});

test.each(Object.keys(splitters))('%s cuts 100 kB of anything', { timeout: LIMIT }, (name) => {
  for (const text of Object.values(texts)) {
    const bytes = utf8(text);
    let covered = 0;
    splitters[name as keyof typeof splitters](bytes, 0, bytes.length, (start, end) => {
      if (start === covered) covered = end;
    });
    expect(covered).toBe(bytes.length);
  }
});
