/**
 * @file The fast algorithms give what the plain ones give that they stand for, on random vocabularies and texts.
 */
import { describe, expect, test } from 'vitest';
import { createTokenizer } from '../../src/tokenizer/index.ts';
import { random } from '../random.ts';
import { metadataOf } from './metadata.ts';

const plain = { addSpecial: false, parseSpecial: false };

/** A word over a small alphabet, so that much of it occurs again. */
function word(next: () => number, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[Math.floor(next() * alphabet.length)]).join('');
}

describe('BPE', () => {
  test.each([1, 2, 3, 4, 5])('lowest rank first, then leftmost (seed %d)', (seed) => {
    const next = random(seed);
    const symbols = [...'abc'];
    const merges: string[] = [];
    for (let i = 0; i < 40; i++) {
      const [left, right] = [symbols, symbols].map((list) => list[Math.floor(next() * list.length)]);
      merges.push(`${left} ${right}`);
      if ((left + right).length < 12 && !symbols.includes(left + right)) symbols.push(left + right);
    }
    // Some symbols are no tokens: they fall apart into letters.
    const tokens = symbols.filter((symbol, i) => i < 3 || symbol.length > 11 || next() < 0.8);
    const tokenizer = createTokenizer(
      metadataOf({
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.pre': 'gpt-2',
        'tokenizer.ggml.tokens': tokens,
        'tokenizer.ggml.merges': merges,
      }),
    );
    const naive = (text: string): string[] => {
      const parts = [...text];
      while (true) {
        let best = -1;
        let rank = merges.length;
        for (let i = 0; i + 1 < parts.length; i++) {
          const found = merges.indexOf(`${parts[i]} ${parts[i + 1]}`);
          if (found >= 0 && found < rank) [best, rank] = [i, found];
        }
        if (best < 0) return parts.flatMap((part) => (tokens.includes(part) ? [part] : [...part]));
        parts.splice(best, 2, parts[best] + parts[best + 1]);
      }
    };
    for (let round = 0; round < 150; round++) {
      const text = word(next, 'abc', 1 + Math.floor(next() * 100));
      const got = tokenizer.encode(text, plain).map((id) => tokenizer.vocab.text(id));
      expect(got, text).toEqual(naive(text));
    }
  });
});

describe('SPM', () => {
  test.each([1, 2, 3, 4, 5])('best score first, then leftmost, over the whole text (seed %d)', (seed) => {
    const next = random(seed);
    const pieces = new Set(['▁', 'a', 'b', '▁▁', 'a▁']);
    for (let i = 0; i < 60; i++) pieces.add(word(next, 'ab▁', 2 + Math.floor(next() * 4)));
    if (seed % 2) for (const piece of pieces) if (/.▁/.test(piece)) pieces.delete(piece);
    const tokens = ['<unk>', '<s>', '</s>', ...pieces];
    const scores = Float32Array.from(tokens, () => -Math.floor(next() * 12));
    const tokenizer = createTokenizer(
      metadataOf({
        'tokenizer.ggml.model': 'llama',
        'tokenizer.ggml.tokens': tokens,
        'tokenizer.ggml.scores': scores,
        'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, id) => (id === 0 ? 2 : id < 3 ? 3 : 1)),
      }),
    );
    const naive = (text: string): string[] => {
      const parts = [...`▁${text.replaceAll(' ', '▁')}`];
      while (true) {
        let best = -1;
        let score = -Infinity;
        for (let i = 0; i + 1 < parts.length; i++) {
          const id = tokens.indexOf(parts[i] + parts[i + 1]);
          if (id >= 0 && scores[id] > score) [best, score] = [i, scores[id]];
        }
        if (best < 0) return parts;
        parts.splice(best, 2, parts[best] + parts[best + 1]);
      }
    };
    for (let round = 0; round < 150; round++) {
      const text = word(next, 'aaabbb  ', 1 + Math.floor(next() * 120));
      const got = tokenizer.encode(text, plain).map((id) => tokenizer.vocab.text(id));
      expect(got, text).toEqual(naive(text));
    }
  });
});

describe('Unigram', () => {
  test.each([1, 2, 3, 4, 5])('the best sum of scores (seed %d)', (seed) => {
    const next = random(seed);
    const pieces = new Set(['a', 'b', '▁']);
    for (let i = 0; i < 50; i++) pieces.add(word(next, 'abé▁', 1 + Math.floor(next() * 5)));
    const tokens = ['<pad>', '</s>', '<unk>', ...pieces];
    // Powers of two apart, so that sums are exact and never tie by chance of rounding.
    const scores = Float32Array.from(tokens, (_, id) => (id < 3 ? 0 : -Math.floor(next() * 1000) / 64));
    const types = Int32Array.from(tokens, (_, id) => (id === 2 ? 2 : id < 2 ? 3 : 1));
    const tokenizer = createTokenizer(
      metadataOf({
        'tokenizer.ggml.model': 't5',
        'tokenizer.ggml.tokens': tokens,
        'tokenizer.ggml.scores': scores,
        'tokenizer.ggml.token_type': types,
        'tokenizer.ggml.add_space_prefix': true,
      }),
    );
    const unknown = Math.min(...scores.slice(3)) - 10;
    /** Best sum from place i on, by trying everything; equal sums are possible, so sums are compared. */
    const bestSum = (text: string[]): number => {
      const best = Array<number>(text.length + 1).fill(-Infinity);
      best[text.length] = 0;
      for (let i = text.length - 1; i >= 0; i--) {
        if (!pieces.has(text[i])) best[i] = unknown + best[i + 1];
        for (let end = i + 1; end <= text.length; end++) {
          const id = tokens.indexOf(text.slice(i, end).join(''));
          if (id >= 3) best[i] = Math.max(best[i], scores[id] + best[end]);
        }
      }
      return best[0];
    };
    for (let round = 0; round < 100; round++) {
      const text = word(next, 'abé z', 1 + Math.floor(next() * 60)).trim() || 'a';
      const normalized = `▁${text.replaceAll(' ', '▁')}`;
      const ids = tokenizer.encode(text, plain);
      const spelled = ids.map((id) => (id === 2 ? '?' : tokenizer.vocab.text(id))).join('');
      const pattern = spelled.replaceAll('?', '[^ab▁]+');
      expect(normalized).toMatch(new RegExp(`^${pattern}$`));
      // A run of unknown characters is one token; each of them costs.
      const known = ids.reduce((sum, id) => sum + (id === 2 ? 0 : scores[id]), 0);
      const unknowns =
        [...normalized].length - ids.reduce((n, id) => n + (id === 2 ? 0 : [...tokenizer.vocab.text(id)].length), 0);
      expect(known + unknowns * unknown, text).toBe(bestSum([...normalized]));
    }
  });
});

describe('Unigram, word by word', () => {
  const letters = ['a', 'b', 'é', '▁', '▁a', '▁b', '☃', '▁☃'];
  const parts = [...'aaabbbézz ☃', ' ', '  ', '▁', '▁a', '<u>', '<u', '<b ▁>', '</s>', '\u{1f600}', '\ud800'];

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('gives the same tokens as the whole text (seed %d)', (seed) => {
    const next = random(seed);
    const chance = (p: number) => next() < p;
    const pieces = new Set(letters.filter(() => chance(0.7)));
    for (let i = 0; i < 30; i++) pieces.add((chance(0.5) ? '▁' : '') + word(next, 'abé', 1 + Math.floor(next() * 4)));
    // Without the mark itself, unknown characters meet across words.
    if (seed > 4) pieces.delete('▁');
    // User-defined tokens are kept from the normaliser, so a space can stand in them; a broken one can claim the bytes that follow.
    const userDefined = [
      '<u>',
      ...(seed % 4 === 1 ? ['<b ▁>'] : []),
      ...(seed % 4 > 1 ? [Uint8Array.of(0xf0, 0x9f, 0x98)] : []),
    ];
    // Nothing in the texts is this token, but no word ends for sure where one goes on beyond a mark.
    const crossing = 'q▁q';
    const tokens = ['<pad>', '</s>', '<unk>', ...pieces, ...userDefined, crossing];
    const firstUser = 3 + pieces.size;
    // Few scores make many ties; the others have all the digits that a float has.
    const score = () => (chance(0.5) ? -Math.floor(next() * 4) : Math.fround(-12 * next()));
    const tokenizer = (withCrossing: boolean) => {
      const n = tokens.length - (withCrossing ? 0 : 1);
      return createTokenizer(
        metadataOf({
          'tokenizer.ggml.model': 't5',
          'tokenizer.ggml.tokens': tokens.slice(0, n),
          'tokenizer.ggml.scores': scores.slice(0, n),
          'tokenizer.ggml.token_type': types.slice(0, n),
          'tokenizer.ggml.add_space_prefix': seed % 3 > 0,
          'tokenizer.ggml.remove_extra_whitespaces': seed % 5 < 2,
        }),
      );
    };
    const scores = Float32Array.from(tokens, (_, id) => (id < 3 ? 0 : score()));
    scores[tokens.length - 1] = 0;
    const types = Int32Array.from(tokens, (_, id) => {
      if (id < 3) return id === 2 ? 2 : 3;
      if (id >= firstUser && id < tokens.length - 1) return 4;
      return chance(0.1) ? 5 : 1;
    });
    types[tokens.length - 1] = 1;
    const wordByWord = tokenizer(false);
    const whole = tokenizer(true);
    for (let round = 0; round < 400; round++) {
      let text = '';
      for (let n = Math.floor(next() * 30); n >= 0; n--) text += parts[Math.floor(next() * parts.length)];
      expect(wordByWord.encode(text, plain), text).toEqual(whole.encode(text, plain));
    }
  });

  test('not where sums round, and two ways then tie', () => {
    const tokens = ['<pad>', '</s>', '<unk>', '▁', 'a', '▁a', '▁x'];
    const tokenizer = createTokenizer(
      metadataOf({
        'tokenizer.ggml.model': 't5',
        'tokenizer.ggml.tokens': tokens,
        'tokenizer.ggml.scores': Float32Array.of(0, 0, 0, -0.125, -0.25, -0.5, -1e20),
        'tokenizer.ggml.token_type': Int32Array.of(3, 3, 2, 1, 1, 1, 1),
        'tokenizer.ggml.add_space_prefix': true,
      }),
    );
    const pieces = (text: string) => tokenizer.encode(text, plain).map((id) => tokens[id]);
    expect(pieces('a')).toEqual(['▁', 'a']);
    expect(pieces('x a')).toEqual(['▁x', '▁a']);
  });
});

describe('RWKV', () => {
  test('the longest token, with escapes resolved', () => {
    const tokens = ['<s>', 'a', 'ab', 'abc', '\\n', '\\xe4\\xb8', '\\xad', '\\\\', 'b', '\\x20\\t', ' '];
    const tokenizer = createTokenizer(metadataOf({ 'tokenizer.ggml.model': 'rwkv', 'tokenizer.ggml.tokens': tokens }));
    expect(tokenizer.encode('ababc\n中\\ \t b')).toEqual([2, 3, 4, 5, 6, 7, 9, 10, 8]);
    expect(tokenizer.decodePieces([5, 6, 9, 7])).toBe('中 \t\\');
    expect(() => tokenizer.encode('z')).toThrow(/neither a token that begins with byte 122/);
  });
});

describe('PLaMo 2', () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const words = ['<unk>', 'a', 'b', 'ab', 'ba', 'aba'];
  const tokens = [...words, ...bytes];
  const tokenizer = createTokenizer(
    metadataOf({
      'tokenizer.ggml.model': 'plamo2',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, id) => (id < 6 ? 1 : 6)),
      'tokenizer.ggml.scores': Float32Array.from(tokens, (_, id) => [-1, -3, -3, -4, -4, -9][id] ?? 0),
    }),
  );

  test('the lowest cost; of equal ones the longest token; unknown characters as bytes', () => {
    expect(tokenizer.encode('abab').map((id) => tokens[id])).toEqual(['ab', 'ab']);
    expect(tokenizer.encode('aba').map((id) => tokens[id])).toEqual(['ab', 'a']);
    expect(tokenizer.encode('\ufeffaé').map((id) => tokens[id])).toEqual(['a', '<0xC3>', '<0xA9>']);
    expect(tokenizer.decode(tokenizer.encode('aébéab'))).toBe('aébéab');
    expect(tokenizer.decode(new Set(tokenizer.encode('aéb')))).toBe('aéb');
  });
});

describe('hybriddna', () => {
  const marker = '\ue000';
  const dna = ['<dna>', '</dna>', '<oov>', `ACGTAC${marker}`, `CCCCCC${marker}`, `GAAAAA${marker}`];
  const make = (tokens: string[]) =>
    createTokenizer(
      metadataOf({
        'tokenizer.ggml.model': 'hybriddna',
        'tokenizer.ggml.pre': 'gpt-2',
        'tokenizer.ggml.tokens': tokens,
        'tokenizer.ggml.merges': ['C C', 'CC CC', 'CCCC CC'],
      }),
    );
  const letters = ['C', 'CC', 'CCCC', 'CCCCCC', 'a', 'Ġ', 'A', 'G', 'T', '<', '>', '/', 'd', 'n'];
  const all = [...letters, ...dna];
  const tokenizer = make(all);
  const cut = (text: string, of = tokenizer, tokens = all) => of.encode(text, plain).map((id) => tokens[id]);

  test('six bases are one token, in capitals; the last token is filled up, other characters are <oov>', () => {
    expect(cut('a <dna>ACGTACccccccg</dna> a')).toEqual([
      ...['a', 'Ġ', '<dna>', dna[3], dna[4], dna[5], '</dna>', 'Ġ', 'a'],
    ]);
    expect(cut('<dna>ACGTANé</dna>')).toEqual(['<dna>', '<oov>', '<oov>', '</dna>']);
    expect(cut('<dna></dna><dna>')).toEqual(['<dna>', '</dna>', '<dna>']);
  });

  test('DNA without an end goes on to the end; outside of it the same letters are text', () => {
    expect(cut('<dna>CCCCCCa')).toEqual(['<dna>', dna[4], '<oov>']);
    expect(cut('CCCCCC</dna>')).toEqual(['CCCCCC', '<', '/', 'd', 'n', 'a', '>']);
    expect(cut('<dna>a<dna>')).toEqual(['<dna>', '<oov>']);
  });

  test("the marker is not part of a token's text", () => {
    expect(tokenizer.decodePieces(tokenizer.encode('a<dna>acgtacg</dna>CCCCCC', plain))).toBe(
      'a<dna>ACGTACGAAAAA</dna>CCCCCC',
    );
  });

  test.each(['<dna>', '</dna>', '<oov>'])('a vocabulary without %s has no DNA', (missing) => {
    const tokens = all.filter((text) => text !== missing);
    expect(cut('<dna>C', make(tokens), tokens)).toEqual(['<', 'd', 'n', 'a', '>', 'C']);
  });
});

test('the whitespace tokenizer drops whitespace and cuts words', () => {
  const tokens = ['a', 'b', 'ab', 'ⱥ'];
  const tokenizer = createTokenizer(
    metadataOf({
      'tokenizer.ggml.model': 'whitespace',
      'tokenizer.ggml.pre': 'whitespace',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.merges': ['a b'],
      'tokenizer.ggml.normalizer.lowercase': true,
    }),
  );
  expect(tokenizer.encode(' AB\u3000a b\nabȺȺ', plain)).toEqual([2, 0, 1, 2, 3, 3]);
});
