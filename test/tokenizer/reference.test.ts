/**
 * @file Ids, pieces and texts equal those that llama.cpp gave, on every recorded case.
 */
import { describe, expect, test } from 'vitest';
import { jsonNames, loadTokenizer, readJson, readText } from './fixtures.ts';

interface Case {
  text: string;
  ids: number[];
  ids_plain: number[];
  detok: string;
  ids_special_noparse?: number[];
  ids_parse?: number[];
  detok_special?: string;
  pieces?: (string | number[])[];
}

interface Reference {
  tricky: Case[];
  random: Case[];
  single_token_detok: [number, string][];
  default_flags: { text: string; default: { tokens: number[] } };
}

const plain = { addSpecial: false, parseSpecial: false };
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

describe.each(jsonNames('reference/tokenizer'))('%s', async (name) => {
  const reference = readJson<Reference>(`reference/tokenizer/${name}.json`);
  const path = name.startsWith('model-') ? `models/${name.slice(6)}.gguf` : `vocab/${name}.gguf.gz`;
  const tokenizer = await loadTokenizer(path);
  const cases = [...reference.tricky, ...reference.random];

  test('ids with special tokens added and parsed', () => {
    for (const { text, ids } of cases) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  test('ids with neither', () => {
    for (const { text, ids_plain } of cases) {
      expect(tokenizer.encode(text, plain), JSON.stringify(text)).toEqual(ids_plain);
    }
  });

  test('ids with special tokens only added, or only parsed', () => {
    for (const { text, ids_parse, ids_special_noparse } of reference.tricky) {
      expect(tokenizer.encode(text, { addSpecial: false }), JSON.stringify(text)).toEqual(ids_parse);
      expect(tokenizer.encode(text, { parseSpecial: false }), JSON.stringify(text)).toEqual(ids_special_noparse);
    }
    const { text, default: wanted } = reference.default_flags;
    expect(tokenizer.encode(text, { addSpecial: false })).toEqual(wanted.tokens);
  });

  test('texts from ids', () => {
    for (const { ids_plain, detok } of cases) expect(tokenizer.decodePieces(ids_plain)).toBe(detok);
    for (const { ids, detok_special } of reference.tricky) expect(tokenizer.decodePieces(ids)).toBe(detok_special);
    for (const [id, text] of reference.single_token_detok) expect(tokenizer.decodePieces([id])).toBe(text);
  });

  test('pieces', () => {
    for (const { ids, pieces } of reference.tricky) {
      const got = ids.map((id, i) => {
        const piece = tokenizer.piece(id);
        return typeof pieces![i] === 'string' ? decoder.decode(piece) : [...piece];
      });
      expect(got).toEqual(pieces);
    }
  });

  const inputs = readText(`vocab/${name}.gguf.inp`);
  if (inputs === undefined) return;
  test("llama.cpp's own test file", () => {
    const texts = inputs.split('\n__ggml_vocab_test__\n').slice(0, -1);
    const wanted = readText(`vocab/${name}.gguf.out`)!
      .split('\n')
      .slice(0, texts.length)
      .map((line) => line.trim().split(' ').filter(Boolean).map(Number));
    expect(texts.length).toBeGreaterThan(40);
    expect(texts.map((text) => tokenizer.encode(text, plain))).toEqual(wanted);
  });
});

describe.each(jsonNames('reference/rank'))('pairs of %s', async (name) => {
  interface Rank {
    queries: {
      query: string;
      query_tokens: number[];
      documents: { text: string; doc_tokens: number[]; pair_tokens: number[] }[];
    }[];
  }
  const { queries } = readJson<Rank>(`reference/rank/${name}.json`);
  const tokenizer = await loadTokenizer(`models/${name}.gguf`);

  test('queries, documents, and both together', () => {
    for (const { query, query_tokens, documents } of queries) {
      expect(tokenizer.encode(query, plain)).toEqual(query_tokens);
      for (const { text, doc_tokens, pair_tokens } of documents) {
        expect(tokenizer.encode(text, plain)).toEqual(doc_tokens);
        expect(tokenizer.encodePair(query, text)).toEqual(pair_tokens);
      }
    }
  });
});

describe.each(jsonNames('reference/embed'))('inputs of %s', async (name) => {
  const { cases } = readJson<{ cases: { text: string; tokens: number[] }[] }>(`reference/embed/${name}.json`);
  const tokenizer = await loadTokenizer(`models/${name}.gguf`);

  test('ids', () => {
    for (const { text, tokens } of cases) expect(tokenizer.encode(text)).toEqual(tokens);
  });
});
