/**
 * @file Special tokens in the text, added ones, pairs, and the way back.
 */
import { describe, expect, test } from 'vitest';
import { cleanSpaces } from '../../src/tokenizer/clean-spaces.ts';
import { Attribute, createTokenizer, type Tokenizer } from '../../src/tokenizer/index.ts';
import { fromUtf8, utf8 } from '../../src/tokenizer/utf8.ts';
import { random } from '../random.ts';
import { loadTokenizer } from './fixtures.ts';
import { metadataOf } from './metadata.ts';

const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;

/** A byte-level vocabulary of ASCII letters and some special tokens. */
function withSpecials(
  specials: readonly (readonly [text: string, type: number])[],
  more: Record<string, string> = {},
): Tokenizer {
  const letters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).concat('Ġ', 'Ċ');
  const rest = specials.filter(([text]) => !letters.includes(text));
  return createTokenizer(
    metadataOf({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': [...letters, ...rest.map(([text]) => text)],
      'tokenizer.ggml.token_type': Int32Array.from([...letters.map(() => NORMAL), ...rest.map(([, type]) => type)]),
      'tokenizer.ggml.merges': [],
      ...more,
    }),
  );
}

function texts(tokenizer: Tokenizer, text: string, parseSpecial = true): string[] {
  return tokenizer.encode(text, { addSpecial: false, parseSpecial }).map((id) => tokenizer.vocab.text(id));
}

describe('cutting', () => {
  test('longer tokens go first, wherever they stand', () => {
    const tokenizer = withSpecials([
      ['<ab', CONTROL],
      ['b><c>', CONTROL],
    ]);
    expect(texts(tokenizer, '<ab><c>')).toEqual(['<', 'a', 'b><c>']);
  });

  test('equal tokens that overlap are taken from the left', () => {
    const tokenizer = withSpecials([['<<', CONTROL]]);
    expect(texts(tokenizer, '<<<<<')).toEqual(['<<', '<<', '<']);
  });

  test('user-defined tokens are cut without parseSpecial, control tokens are not', () => {
    const tokenizer = withSpecials([
      ['<u>', USER_DEFINED],
      ['<c>', CONTROL],
    ]);
    expect(texts(tokenizer, '<u><c>', false)).toEqual(['<u>', '<', 'c', '>']);
    expect(texts(tokenizer, '<u><c>')).toEqual(['<u>', '<c>']);
  });

  test('a token that ends texts by its name is control, whatever its type', () => {
    const tokenizer = withSpecials([
      ['</s>', USER_DEFINED],
      ['<|start|>', CONTROL],
    ]);
    expect(texts(tokenizer, '</s><|start|>', false)).toEqual(['<', '/', 's', '>', '<|start|>']);
  });

  test('a mask token swallows the whitespace before it where the model wants that', () => {
    const plain = withSpecials([['<mask>', CONTROL]]);
    const stripping = withSpecials([['<mask>', CONTROL]], { 'tokenizer.ggml.pre': 'jina-v2-code' });
    expect(texts(plain, 'a <mask> b')).toEqual(['a', 'Ġ', '<mask>', 'Ġ', 'b']);
    expect(texts(stripping, 'a \n<mask> b')).toEqual(['a', '<mask>', 'Ġ', 'b']);
    expect(stripping.vocab.has(stripping.vocab.nTokens - 1, Attribute.stripLeft)).toBe(true);
  });

  test('Phi-3 swallows whitespace after its special tokens', () => {
    const tokenizer = withSpecials(
      [
        ['<|user|>', CONTROL],
        ['<s>', CONTROL],
      ],
      { 'general.name': 'Phi-3 mini' },
    );
    expect(texts(tokenizer, '<|user|> \na<s> b')).toEqual(['<|user|>', 'a', '<s>', 'Ġ', 'b']);
  });

  test('random tokens are cut as one after the other would be', () => {
    const next = random(4);
    const word = (n: number) => Array.from({ length: n }, () => 'ab<'[Math.floor(next() * 3)]).join('');
    for (let round = 0; round < 300; round++) {
      const specials = [...new Set(Array.from({ length: 1 + (round % 12) }, () => word(1 + Math.floor(next() * 6))))];
      const tokenizer = withSpecials(specials.map((text) => [text, CONTROL]));
      const text = word(30);
      // Of equal length the one with the lower id goes first.
      let fragments: (string | [string])[] = [text];
      for (const special of [...specials].sort((a, b) => b.length - a.length)) {
        fragments = fragments.flatMap((fragment) =>
          typeof fragment !== 'string'
            ? [fragment]
            : fragment.split(special).flatMap((part, i): (string | [string])[] => (i ? [[special], part] : [part])),
        );
      }
      const wanted = fragments.flatMap((fragment) => (typeof fragment === 'string' ? [...fragment] : fragment));
      expect(texts(tokenizer, text), `${text} with ${specials}`).toEqual(wanted);
    }
  });
});

test('a run of newlines where each length has a token, as in Gemma', { timeout: 8_000 }, () => {
  const lengths = Array.from({ length: 31 }, (_, i) => i + 1);
  const tokenizer = withSpecials(lengths.map((n) => ['\n'.repeat(n), USER_DEFINED]));
  const found = texts(tokenizer, '\n'.repeat(31 * 16_000 + 5)).map((text) => text.length);
  expect(found.length).toBe(16_001);
  expect(found.slice(-2)).toEqual([31, 5]);
});

describe('pairs', () => {
  const vocabulary = {
    'tokenizer.ggml.model': 'bert',
    'tokenizer.ggml.tokens': ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '▁a', '▁b', '▁[', '▁]', '▁sep'],
    'tokenizer.ggml.token_type': Int32Array.of(3, 3, 3, 3, 1, 1, 1, 1, 1),
    'tokenizer.ggml.unknown_token_id': 1,
    'tokenizer.ggml.bos_token_id': 2,
    'tokenizer.ggml.seperator_token_id': 3,
  };

  test('special tokens follow the flags of the file, and SEP stands in for EOS', () => {
    const pair = (flags: Record<string, boolean>) =>
      createTokenizer(metadataOf({ ...vocabulary, ...flags })).encodePair('a', 'b');
    expect(pair({})).toEqual([2, 4, 3, 5]);
    expect(pair({ 'tokenizer.ggml.add_eos_token': true, 'tokenizer.ggml.add_sep_token': false })).toEqual([
      2, 4, 3, 5, 3,
    ]);
    expect(pair({ 'tokenizer.ggml.add_eos_token': true })).toEqual([2, 4, 3, 3, 5, 3]);
    expect(pair({ 'tokenizer.ggml.add_bos_token': false, 'tokenizer.ggml.add_sep_token': false })).toEqual([4, 5]);
  });

  test('the text of a control token stays text', () => {
    expect(createTokenizer(metadataOf(vocabulary)).encodePair('[SEP]', 'b')).toEqual([2, 6, 8, 7, 3, 5]);
  });

  test('a rerank template is filled in once: places in a query or a document are text', () => {
    const tokenizer = withSpecials([], { 'tokenizer.chat_template.rerank': 'q{query}d{document}e{document}' });
    const joined = (query: string, document: string) =>
      tokenizer
        .encodePair(query, document)
        .map((id) => tokenizer.vocab.text(id))
        .join('');
    expect(joined('{document}', 'x')).toBe('q{document}dxex');
    expect(joined('{query}', '{query}{document}')).toBe('q{query}d{query}{document}e{query}{document}');
    const bomb = tokenizer.encodePair('{document}'.repeat(2500), 'x'.repeat(20_000));
    expect(bomb.length).toBe(25_000 + 40_000 + 3);
    const { nBefore, after } = tokenizer.pairEncoder('{document}{document}');
    expect([nBefore, after.length]).toEqual(['q{document}{document}d'.length, 0]);
  });

  test('a rerank template is filled in, every place of it, and parsed', () => {
    const template = '[CLS]{query}{query}[SEP]{document}';
    const tokenizer = createTokenizer(metadataOf({ ...vocabulary, 'tokenizer.chat_template.rerank': template }));
    expect(tokenizer.encodePair('a ', "b $& $'")).toEqual(
      tokenizer.encode("[CLS]a a [SEP]b $& $'", { addSpecial: false }),
    );
  });

  describe('a layout whose parts are tokenized one by one', () => {
    const withParts = (parts: unknown, more = {}) =>
      createTokenizer(metadataOf({ ...vocabulary, 'gguf_embed.rerank.parts': JSON.stringify(parts), ...more }));

    test('joins their tokens, within the special tokens of a text', () => {
      const tokenizer = withParts(['a{query}', '[SEP]', 'b {document}a', 'b']);
      const plain = (text: string) => tokenizer.encode(text, { addSpecial: false });
      const [bos, ...rest] = tokenizer.encode('');
      const parts = ['ab', '[SEP]', 'b aa', 'b'].map(plain);
      expect(tokenizer.encodePair('b', 'a')).toEqual([bos, ...parts.flat(), ...rest]);
      const { nBefore, after } = tokenizer.pairEncoder('b');
      expect(nBefore).toBe(1 + parts[0].length + parts[1].length + plain('b ').length);
      expect(after).toEqual([...plain('a'), ...plain('b'), ...rest]);
    });

    test('wins over a template, and keeps placeholders of texts', () => {
      const tokenizer = withSpecials([], {
        'gguf_embed.rerank.parts': JSON.stringify(['q{query}', 'd{document}e']),
        'tokenizer.chat_template.rerank': 'a',
      });
      const ids = tokenizer.encodePair('{document}', '{query}');
      expect(ids.map((id) => tokenizer.vocab.text(id)).join('')).toContain('q{document}d{query}e');
    });

    test('may have no place for a document', () => {
      const tokenizer = withParts(['a', 'b']);
      expect(tokenizer.encodePair('x', 'y')).toEqual(tokenizer.pairEncoder('z').encode(''));
      expect(tokenizer.pairEncoder('x').nBefore).toBe(tokenizer.encodePair('x', 'y').length - 1);
    });

    test.each([
      ['["a"', 'gguf_embed.rerank.parts is not JSON'],
      ['{"a":1}', 'gguf_embed.rerank.parts must be a list of at most 64 texts'],
      ['["a",1]', 'gguf_embed.rerank.parts must be a list of at most 64 texts'],
      [JSON.stringify(Array(65).fill('a')), 'gguf_embed.rerank.parts must be a list of at most 64 texts'],
      [JSON.stringify(['{document}'.repeat(17)]), 'gguf_embed.rerank.parts has 17 placeholders'],
    ])('refuses %s', (value, message) => {
      const metadata = metadataOf({ ...vocabulary, 'gguf_embed.rerank.parts': value });
      expect(() => createTokenizer(metadata)).toThrow(message);
    });
  });

  test.each([
    ['{document}', 'b'],
    ['{document}{document} a', '{query}'],
    ['a', '{query} {document}'],
  ])('placeholders in a query (%s) or a document (%s) are text', (query, document) => {
    const template = '[CLS]{query}[SEP]{document}[SEP]';
    const tokenizer = createTokenizer(metadataOf({ ...vocabulary, 'tokenizer.chat_template.rerank': template }));
    const expected = tokenizer.encode(`[CLS]${query}[SEP]${document}[SEP]`, { addSpecial: false });
    expect(tokenizer.encodePair(query, document)).toEqual(expected);
    const { nBefore, after } = tokenizer.pairEncoder(query);
    expect(nBefore).toBe(tokenizer.encode(`[CLS]${query}[SEP]`, { addSpecial: false }).length);
    expect(after).toEqual(tokenizer.encode('[SEP]', { addSpecial: false }));
  });
});

describe('decoding', () => {
  test('spaces before punctuation go, each once', () => {
    const clean = (text: string) => fromUtf8(cleanSpaces(utf8(text)));
    expect(clean(" hello , it 's ' me ' ! don 't")).toBe(" hello, it's'me '! don 't");
    expect(clean("we 're they 've i 'm he 'll she 'd")).toBe("we're they've i'm he 'll she 'd");
    expect(clean("' ' ' '")).toBe("''' '");
    expect(clean('')).toBe('');
  });

  test('the prefix space, BOS and EOS can be left out', async () => {
    const tokenizer = await loadTokenizer('vocab/ggml-vocab-llama-spm.gguf.gz');
    const ids = tokenizer.encode('Hello world');
    expect(tokenizer.decode(ids)).toBe(' Hello world');
    expect(tokenizer.decode(ids.slice(1))).toBe('Hello world');
    expect(tokenizer.decode(ids, { unparseSpecial: true })).toBe('<s> Hello world');
    expect(tokenizer.decode(ids, { removeSpecial: true, unparseSpecial: true })).toBe(' Hello world');
    expect(tokenizer.decodePieces(ids)).toBe('<s> Hello world');
    expect(tokenizer.decodePieces(ids, false)).toBe(' Hello world');
  });

  test('texts come back from byte-level BPE and SPM', async () => {
    for (const path of ['vocab/ggml-vocab-gpt-2.gguf.gz', 'vocab/ggml-vocab-llama-spm.gguf.gz']) {
      const tokenizer = await loadTokenizer(path);
      for (const text of ['naïve café 😀 中文\t\n x', '\u0000\u0001', 'a\u0301 가 ١٢']) {
        expect(tokenizer.decodePieces(tokenizer.encode(text, { addSpecial: false })).trimStart()).toBe(text);
      }
    }
  });

  test('unpaired surrogates count as U+FFFD', async () => {
    const tokenizer = await loadTokenizer('vocab/ggml-vocab-gpt-2.gguf.gz');
    expect(tokenizer.encode('a\ud800b')).toEqual(tokenizer.encode('a\ufffdb'));
  });
});

describe('names that make a token special', () => {
  const isControl = (tokenizer: Tokenizer, text: string) =>
    texts(tokenizer, text).length === 1 && texts(tokenizer, text, false).length > 1;

  test('an end of generation is a control token, whatever its type', () => {
    for (const name of ['</s>', '[e~[', '<|tool_response>', '<turn|>']) {
      expect(isControl(withSpecials([[name, USER_DEFINED]]), name), name).toBe(true);
    }
  });

  test('</s> beside <|tool_response> is a normal token: its text is cut into letters', () => {
    const both = withSpecials([
      ['</s>', CONTROL],
      ['<|tool_response>', NORMAL],
    ]);
    expect(texts(both, 'a</s>')).toEqual(['a', '<', '/', 's', '>']);
    expect(isControl(both, '<|tool_response>')).toBe(true);
    const alone = withSpecials([['</s>', CONTROL]]);
    expect(texts(alone, 'a</s>')).toEqual(['a', '</s>']);
  });
});

describe('defaults of a kind of vocabulary', () => {
  const gemma4 = (pre?: string) =>
    createTokenizer(
      metadataOf({
        'tokenizer.ggml.model': 'gemma4',
        ...(pre === undefined ? {} : { 'tokenizer.ggml.pre': pre }),
        'tokenizer.ggml.tokens': ['<bos>', 'a', 'b', '▁', '\n', '\n\n', 'Ġ', 'Ċ'],
        'tokenizer.ggml.token_type': Int32Array.from([CONTROL, ...new Array(7).fill(NORMAL)]),
        'tokenizer.ggml.bos_token_id': 0,
        'tokenizer.ggml.merges': ['\n \n'],
      }),
    );

  test.each([undefined, '', 'default', 'gpt-2', 'unknown'])(
    'the model gemma4 with pre %o has the pre-tokenizer of its name',
    (pre) => {
      expect(texts(gemma4(pre), 'a b\n\na')).toEqual(texts(gemma4('gemma4'), 'a b\n\na'));
      expect(texts(gemma4(pre), 'a b\n\na')).toEqual(['a', '▁', 'b', '\n\n', 'a']);
      expect(gemma4(pre).encode('a', { addSpecial: true, parseSpecial: true })).toEqual([0, 1]);
    },
  );

  test('a Unigram vocabulary puts no space before a text unless the file says so', () => {
    const unigram = (more: Record<string, boolean>) =>
      createTokenizer(
        metadataOf({
          'tokenizer.ggml.model': 't5',
          'tokenizer.ggml.tokens': ['<pad>', '</s>', '<unk>', '▁a', 'a', '▁', 'b'],
          'tokenizer.ggml.scores': Float32Array.from([0, 0, 0, -1, -2, -3, -2]),
          'tokenizer.ggml.token_type': Int32Array.from([CONTROL, CONTROL, 2, NORMAL, NORMAL, NORMAL, NORMAL]),
          ...more,
        }),
      );
    expect(texts(unigram({}), 'a  b')).toEqual(['a', '▁', '▁', 'b']);
    expect(texts(unigram({ 'tokenizer.ggml.add_space_prefix': true }), 'a')).toEqual(['▁a']);
    expect(texts(unigram({ 'tokenizer.ggml.remove_extra_whitespaces': true }), ' a  b')).toEqual(['▁a', '▁', 'b']);
  });
});
