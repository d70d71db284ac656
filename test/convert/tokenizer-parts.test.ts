/**
 * @file What the `tokenizer.json` of a checkout does with texts: the file gives the same tokens, or the conversion is refused.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { listPieces } from '../../src/convert/vocab/token-list.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { createTokenizer, TokenType } from '../../src/tokenizer/index.ts';
import { unpackCheckout } from './support.ts';

interface Parts {
  model: Record<string, unknown> & { vocab: unknown[] };
  normalizer: unknown;
  pre_tokenizer: unknown;
  added_tokens: unknown[];
}

/** The ids of `text` by the file that a checkout gives after a change of its tokenizer.json. */
async function encoded(name: string, change: (json: Parts) => void, text = 'a'): Promise<number[]> {
  const folder = unpackCheckout(name);
  const path = join(folder, 'tokenizer.json');
  const json: Parts = JSON.parse(readFileSync(path, 'utf8'));
  change(json);
  writeFileSync(path, JSON.stringify(json));
  rmSync(join(folder, 'sentencepiece.bpe.model'), { force: true });
  const output = join(dirname(folder), 'out.gguf');
  try {
    await convertFolder(folder, output, 'F16');
    const { metadata } = await openGguf(memorySource(readFileSync(output)));
    return createTokenizer(metadata).encode(text);
  } finally {
    rmSync(dirname(folder), { recursive: true });
  }
}

const normalizer = (type: string) => (json: Parts) => {
  json.normalizer = { type: 'Sequence', normalizers: [{ type }] };
};
const preTokenizer = (part: unknown) => (json: Parts) => {
  json.pre_tokenizer = part;
};
const model = (settings: object) => (json: Parts) => {
  Object.assign(json.model, settings);
};
/** Another name for the fourth token. */
const otherUnknown = ({ model: { vocab }, added_tokens: added }: Parts) => {
  vocab[3] = ['[UNK]', 0];
  Object.assign(added[3] as object, { content: '[UNK]' });
};

describe('refused, as tokens would differ', () => {
  it.each<[name: string, change: (json: Parts) => void, message: string]>([
    ['bert-mean', model({ continuing_subword_prefix: '@@' }), 'continuing_subword_prefix is "@@"'],
    ['bert-mean', preTokenizer({ type: 'Whitespace' }), 'the pre-tokenizer {"type":"Whitespace"} of a WordPiece'],
    ['bert-mean', normalizer('NFKC'), 'the normalizer {"type":"NFKC"} of a WordPiece'],
    [
      'bert-mean',
      (json) => Object.assign(json.normalizer as object, { handle_chinese_chars: false }),
      '"handle_chinese_chars":false',
    ],
    ['roberta-mean', normalizer('Lowercase'), 'the normalizer {"type":"Lowercase"} of a BPE'],
    ['roberta-mean', preTokenizer({ type: 'ByteLevel', add_prefix_space: true }), '"add_prefix_space":true'],
    ['bert-mean', preTokenizer(null), 'the pre-tokenizer has no BertPreTokenizer, which a WordPiece vocabulary'],
    ['roberta-mean', preTokenizer(null), 'the pre-tokenizer has no ByteLevel, which a BPE vocabulary'],
    ['modern-bert', preTokenizer({ type: 'Digits' }), 'the pre-tokenizer has no ByteLevel'],
    ['xlmr-mean', preTokenizer(null), 'the pre-tokenizer has no Metaspace, which a Unigram vocabulary'],
    ['xlmr-mean', preTokenizer({ type: 'WhitespaceSplit' }), 'the pre-tokenizer has no Metaspace'],
    ['deberta-mean', preTokenizer(null), 'the pre-tokenizer has no Metaspace'],
    ['static-unigram', preTokenizer(null), 'the pre-tokenizer has no Metaspace'],
    ['static-wordpiece', preTokenizer(null), 'the pre-tokenizer has no BertPreTokenizer'],
    ['roberta-mean', model({ end_of_word_suffix: '</w>' }), 'end_of_word_suffix is "</w>", which cannot be stored'],
    ['modern-bert', model({ continuing_subword_prefix: '@@' }), 'continuing_subword_prefix is "@@"'],
    ['modern-bert', normalizer('NFKC'), 'the normalizer {"type":"NFKC"} of a BPE'],
    ['xlmr-mean', model({ byte_fallback: true }), 'byte_fallback is true'],
    ['xlmr-mean', normalizer('Lowercase'), 'the normalizer {"type":"Lowercase"} of a Unigram'],
    ['xlmr-mean', preTokenizer({ type: 'Metaspace', prepend_scheme: 'never' }), '"prepend_scheme":"never"'],
    ['xlmr-mean', otherUnknown, 'the first tokens are not <s>, <pad>, </s>, <unk>'],
    ['deberta-mean', normalizer('Lowercase'), 'the normalizer {"type":"Lowercase"} of a Unigram'],
  ])('%s %#', async (name, change, message) => {
    await expect(encoded(name, change)).rejects.toThrow(message);
  });
});

// The ids are those of Hugging Face's tokenizers 0.23.
it.each<[what: string, types: readonly string[], ids: number[]]>([
  ['NFD, Lowercase, StripAccents', ['NFD', 'Lowercase', 'StripAccents'], [101, 7592, 7592, 7668, 102]],
  ['Lowercase', ['Lowercase'], [101, 7592, 7592, 100, 102]],
  ['NFD', ['NFD'], [101, 100, 100, 100, 102]],
])('WordPiece with the normalizers %s', async (_, types, ids) => {
  const change = (json: Parts) => {
    json.normalizer = { type: 'Sequence', normalizers: types.map((type) => ({ type })) };
  };
  expect(await encoded('bert-mean', change, 'Hello HELLO Café')).toEqual(ids);
});

it.each([' ', '▁'])(
  'Unigram makes one space of several, as by a normalizer that replaces them by %j',
  async (content) => {
    const replace = { type: 'Replace', pattern: { Regex: ' {2,}' }, content };
    const change = (json: Parts) => {
      json.normalizer = { type: 'Sequence', normalizers: [json.normalizer, { type: 'Strip' }, replace] };
    };
    const text = 'hello   world  a';
    expect(await encoded('xlmr-mean', change, text)).toEqual([0, 321, 10, 100, 20, 4, 149, 84, 163, 33, 9, 2]);
  },
);

describe('added tokens that are not special', () => {
  it('of WordPiece are found in a text', async () => {
    const change = (json: Parts) => json.added_tokens.push({ id: 4419, content: 'fox', special: false });
    expect(await encoded('bert-mean', change, 'xfoxx')).toEqual([101, 1060, 4419, 1060, 102]);
  });

  it('of Unigram keep their place behind the pieces; a mask has none', () => {
    const pieces = ['<unk>', '<s>', '</s>', 'a'].map((text) => ({ text, score: 0, type: TokenType.normal }));
    const charsmap = new Uint8Array(0);
    const added = ['<tag>', '<mask>', '<end>'].map((content, i) => ({
      id: 5 + i,
      content,
      special: content === '<end>',
    }));
    const { tokens, types } = listPieces(
      { pieces, charsmap, addDummyPrefix: true, removeExtraWhitespaces: true },
      9,
      new Map(added.map((entry) => [entry.id, entry])),
    );
    expect(tokens.slice(5)).toEqual(['<tag>', '[PAD5]', '<end>', '[PAD7]']);
    const { userDefined, unused, control } = TokenType;
    expect(types.slice(5)).toEqual([userDefined, unused, control, unused]);
  });
});
