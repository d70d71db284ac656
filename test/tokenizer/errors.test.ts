/**
 * @file Vocabularies that cannot be used, and calls that cannot be answered: a `TokenizerError` that says what and where.
 */
import { describe, expect, test } from 'vitest';
import { createTokenizer, TokenizerError } from '../../src/tokenizer/index.ts';
import { hashBytes } from '../../src/tokenizer/token-table.ts';
import { utf8 } from '../../src/tokenizer/utf8.ts';
import { metadataOf } from './metadata.ts';

const bert = {
  'tokenizer.ggml.model': 'bert',
  'tokenizer.ggml.tokens': ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '▁a', 'b'],
  'tokenizer.ggml.token_type': Int32Array.of(3, 3, 3, 3, 1, 1),
  'tokenizer.ggml.unknown_token_id': 1,
  'tokenizer.ggml.bos_token_id': 2,
  'tokenizer.ggml.seperator_token_id': 3,
};
const gpt2 = {
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'gpt-2',
  'tokenizer.ggml.tokens': ['a', 'b', 'ab'],
  'tokenizer.ggml.merges': ['a b'],
};
const llama = { 'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.tokens': ['<unk>', '<s>', '</s>', 'a'] };
const t5 = {
  'tokenizer.ggml.model': 't5',
  'tokenizer.ggml.tokens': ['<pad>', '</s>', '<unk>', '▁a'],
  'tokenizer.ggml.scores': Float32Array.of(0, 0, 0, -1),
  'tokenizer.ggml.add_space_prefix': true,
};

type Values = Parameters<typeof metadataOf>[0];

function failure(values: Values): TokenizerError {
  try {
    createTokenizer(metadataOf(values));
  } catch (error) {
    expect(error).toBeInstanceOf(TokenizerError);
    return error as TokenizerError;
  }
  throw new Error('nothing was thrown');
}

describe('vocabularies that are refused', () => {
  test.each<[what: string, values: Values, message: RegExp]>([
    ['no model', {}, /no tokenizer\.ggml\.model.*convert the model again/],
    ['model none', { 'tokenizer.ggml.model': 'no_vocab' }, /"no_vocab".*convert the model again/],
    ['an unknown model', { ...bert, 'tokenizer.ggml.model': 'wordlist' }, /"wordlist".*supported are bert, gpt2/],
    [
      'a name from Object.prototype',
      { ...bert, 'tokenizer.ggml.model': 'constructor' },
      /"constructor".*supported are/,
    ],
    ['an unknown pre-tokenizer', { ...gpt2, 'tokenizer.ggml.pre': 'gpt-99' }, /"gpt-99".*supported are.*llama-bpe/],
    ['no tokens', { 'tokenizer.ggml.model': 'bert' }, /no tokenizer\.ggml\.tokens/],
    ['an empty list of tokens', { ...bert, 'tokenizer.ggml.tokens': [] }, /is empty/],
    [
      'two equal tokens',
      { ...gpt2, 'tokenizer.ggml.tokens': ['a', 'b', 'a'] },
      /tokens 0 and 2 have the same text "a"/,
    ],
    [
      'too few types',
      { ...bert, 'tokenizer.ggml.token_type': Int32Array.of(1) },
      /token_type has 1 values for 6 tokens/,
    ],
    ['too few scores', { ...llama, 'tokenizer.ggml.scores': Float32Array.of(1) }, /scores has 1 values for 4 tokens/],
    [
      'a score that is not a number',
      { ...llama, 'tokenizer.ggml.scores': Float32Array.of(1, 2, Number.NaN, 3) },
      /score of token 2 is NaN/,
    ],
    ['64-bit types', { ...llama, 'tokenizer.ggml.token_type': BigInt64Array.of(1n) }, /64-bit/],
    ['no merges', { ...gpt2, 'tokenizer.ggml.merges': undefined as never }, /no tokenizer\.ggml\.merges/],
    ['a merge without a space', { ...gpt2, 'tokenizer.ggml.merges': ['a b', 'ab'] }, /entry 1 has no space/],
    ['an empty merge', { ...gpt2, 'tokenizer.ggml.merges': [''] }, /entry 0 has no space/],
    ['BERT without unknown token', { ...bert, 'tokenizer.ggml.unknown_token_id': 99 }, /unknown_token_id is missing/],
    ['a short charsmap', { ...t5, 'tokenizer.ggml.precompiled_charsmap': Uint8Array.of(1, 0) }, /2 bytes.*truncated/],
    [
      'a charsmap larger than itself',
      { ...t5, 'tokenizer.ggml.precompiled_charsmap': Uint8Array.of(255, 0, 0, 0, 1) },
      /truncated/,
    ],
    [
      'a template that repeats texts without end',
      { ...bert, 'tokenizer.chat_template.rerank': '{query}{document}'.repeat(9) },
      /rerank has 18 placeholders for texts; at most 16/,
    ],
    ['PLaMo 2 without byte tokens', { ...llama, 'tokenizer.ggml.model': 'plamo2' }, /<0x00> is missing/],
  ])('%s', (_, values, message) => {
    expect(failure(values).message).toMatch(message);
  });

  test('the key is named', () => {
    expect(failure({ ...gpt2, 'tokenizer.ggml.pre': 'gpt-99' }).key).toBe('tokenizer.ggml.pre');
  });
});

describe('calls that cannot be answered', () => {
  const tokenizer = createTokenizer(metadataOf(bert));

  test.each([-1, 6, 1.5, Number.NaN, 2 ** 32])('id %d', (id) => {
    expect(() => tokenizer.piece(id)).toThrow(/ids are 0 to 5/);
    expect(() => tokenizer.decode([4, id])).toThrow(TokenizerError);
    expect(() => tokenizer.decodePieces([id])).toThrow(TokenizerError);
    expect(() => tokenizer.vocab.text(id)).toThrow(TokenizerError);
  });

  test('a missing special token', () => {
    const { 'tokenizer.ggml.seperator_token_id': _, ...rest } = bert;
    const without = createTokenizer(metadataOf(rest));
    expect(() => without.encode('a')).toThrow(/SEP.*encode with addSpecial false/);
    expect(without.encode('a', { addSpecial: false })).toEqual([4]);
  });

  test('a character that an SPM vocabulary cannot spell', () => {
    const spm = createTokenizer(metadataOf({ ...llama, 'tokenizer.ggml.tokens': ['<unk>', '<s>', '</s>', '▁'] }));
    expect(() => spm.encode('é')).toThrow(/neither a token for "é" nor <0xC3>/);
  });

  test('a charsmap that points outside of itself', () => {
    const blob = new Uint8Array(4 + 8 + 2);
    const view = new DataView(blob.buffer);
    view.setUint32(0, 8, true);
    view.setUint32(4, (1 << 10) | 0x100, true);
    const damaged = createTokenizer(metadataOf({ ...t5, 'tokenizer.ggml.precompiled_charsmap': blob }));
    expect(() => damaged.encode('zzz')).toThrow(/charsmap is damaged: it refers to unit \d+ of 2/);
  });

  test('a charsmap that makes a long text of one character', () => {
    const replaced = (length: number) => {
      const blob = new Uint8Array(4 + 1024 + length + 1).fill(0x61);
      blob.fill(0, 0, 4 + 1024);
      blob[blob.length - 1] = 0;
      const view = new DataView(blob.buffer);
      view.setUint32(0, 1024, true);
      // "z" has a value, which hangs below unit 0x7b: the replacement at offset 0.
      view.setUint32(4 + 4 * 0x7a, (1 << 10) | 0x100 | 0x7a, true);
      return createTokenizer(metadataOf({ ...t5, 'tokenizer.ggml.precompiled_charsmap': blob }));
    };
    expect(replaced(256).encode('z', { addSpecial: false })).toEqual([3, 2]);
    expect(() => replaced(257).encode('z')).toThrow(
      /charsmap is damaged: the replacement at byte 0 .* within 256 bytes/,
    );
  });
});

test('ids outside of the vocabulary are ignored, as llama.cpp does', () => {
  const tokenizer = createTokenizer(metadataOf({ ...llama, 'tokenizer.ggml.eos_token_id': 77 }));
  expect(tokenizer.vocab.eos).toBe(2);
});

test('a long BPE token that is not made of byte letters is refused when it is decoded, whose text would be its square', () => {
  const letters = ['Ġ'.repeat(30_000), '日'.repeat(300), '日'.repeat(30_000)];
  const tokenizer = createTokenizer(metadataOf({ ...gpt2, 'tokenizer.ggml.tokens': ['a', 'b', 'ab', ...letters] }));
  expect(tokenizer.decode([3])).toBe(' '.repeat(30_000));
  expect(tokenizer.decode([4])).toMatch(/^(\[UNK_BYTE_0xe697a5日{300}\]){300}$/);
  expect(() => tokenizer.decode([5])).toThrow(
    /^tokenizer\.ggml\.tokens: token 5 has 90000 bytes.*convert the model again$/,
  );
});

test('an empty text gets a name', () => {
  const { vocab } = createTokenizer(metadataOf({ ...gpt2, 'tokenizer.ggml.tokens': ['a', '', 'b'] }));
  expect(vocab.text(1)).toBe('[EMPTY_1]');
});

describe('vocabularies made so that hash tables take quadratic time', () => {
  test('tokens that share a hash', () => {
    const tokens: string[] = [];
    for (let i = 0; tokens.length < 600; i++) {
      const hash = hashBytes(utf8(`${i}`), 0, `${i}`.length);
      if (((hash ^ (hash >>> 15)) & 2047) === 7) tokens.push(`${i}`);
    }
    const { key, message } = failure({ ...gpt2, 'tokenizer.ggml.tokens': tokens });
    expect(key).toBe('tokenizer.ggml.tokens');
    expect(message).toMatch(/entry 513 shares its hash with more than 512/);
  });

  test('merges that share a hash', () => {
    const tokens = Array.from({ length: 1000 }, (_, i) => i.toString(36));
    const merges: string[] = [];
    for (let pair = 0; merges.length < 600; pair++) {
      const [left, right] = [pair % 1000, Math.floor(pair / 1000)];
      const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77);
      if (((hash ^ (hash >>> 15)) & 1023) === 7) merges.push(`${tokens[left]} ${tokens[right]}`);
    }
    const { key, message } = failure({ ...gpt2, 'tokenizer.ggml.tokens': tokens, 'tokenizer.ggml.merges': merges });
    expect(key).toBe('tokenizer.ggml.merges');
    expect(message).toMatch(/entry 513 shares its hash with more than 512/);
  });
});

test('merges of ten megabytes cost no more than other texts of that size', { timeout: 4_000 }, () => {
  const merges = [`${'x'.repeat(10_000_000)} ${'y'.repeat(10_000_000)}`];
  const tokenizer = createTokenizer(metadataOf({ ...gpt2, 'tokenizer.ggml.merges': merges }));
  expect(tokenizer.encode('ab', { addSpecial: false })).toEqual([0, 1]);
});
