/**
 * @file Listwise reranking: the checkout of jina-reranker-v3 with random weights against what its own arithmetic gives (test/fixtures/make): one
 * list, a list in blocks, cut documents; and what is refused.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { ContextSizeError, Embedder, Reranker } from '../../src/engine/index.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { type Edit, editedCopy } from '../models/edit.ts';
import { readJson } from '../models/support.ts';

interface Fixture {
  readonly query: string;
  readonly documents: readonly string[];
  readonly lists: readonly { scores: number[]; tokens: number[][]; size?: number; longest?: number }[];
}

const { query, documents, lists } = readJson<Fixture>('reference/own/jina-reranker-v3.json');
const local = { backend: 'wasm', worker: false } as const;

let bytes: Uint8Array;
let folder: string;
beforeAll(async () => {
  folder = unpackCheckout('jina-reranker-v3');
  const output = join(dirname(folder), 'out.gguf');
  await convertFolder(folder, output, 'F32');
  bytes = new Uint8Array(readFileSync(output));
});
afterAll(() => rmSync(dirname(folder), { recursive: true }));

/** The file with other numbers below `gguf_embed.listwise.`, or other changes. */
async function edited(change: (edit: Edit) => void): Promise<Uint8Array> {
  return editedCopy(await openGguf(memorySource(bytes)), change);
}

const withNumbers = (numbers: Record<string, number>) =>
  edited(({ values }) => {
    for (const [key, value] of Object.entries(numbers)) {
      values.set(`gguf_embed.listwise.${key}`, { type: 'uint32', value });
    }
  });

async function scoresOf(reranker: Reranker, options: Parameters<Reranker['rank']>[2] = {}, texts = documents) {
  const ranking = await reranker.rank(query, texts, options);
  const scores = ranking.results.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
  return { ...ranking, scores };
}

function expectNear(found: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (const [i, score] of found.entries()) expect(Math.abs(score - expected[i])).toBeLessThan(tolerance);
}

describe.each([
  ['reference', 1e-5],
  ['wasm', 1e-3],
] as const)('on %s', (backend, tolerance) => {
  it.each(lists)('a list scores as the original does', async ({ scores, tokens, size = 125, longest = 2048 }) => {
    const source = await withNumbers({ max_documents: size, max_document_tokens: longest });
    const reranker = await Reranker.load(source, { backend, worker: false });
    expect(reranker.info).toMatchObject({ architecture: 'qwen3', pooling: 'rank', rankOutputs: 'cosine' });
    const found = await scoresOf(reranker, { truncate: longest < 2048 });
    expectNear(found.scores, scores, tolerance);
    expect(found.results.map(({ score }) => score)).toEqual(found.scores.toSorted((a, b) => b - a));
    expect(found.nTokens.length).toBe(documents.length);
    expect(found.nTokens.reduce((a, b) => a + b)).toBe(tokens.flat().length);
    expect(found.truncated.some((isCut) => isCut)).toBe(longest < 2048);
    await reranker.dispose();
  });
});

it('the texts of a list are those of the original, token by token', async () => {
  const embedder = await Embedder.load(bytes, local);
  const { listwise } = embedder.info;
  const seen: number[][] = [];
  const spy = Object.create(embedder, {
    embed: {
      value: (input: number[][], options: object) => {
        seen.push(...input);
        return embedder.embed(input, options);
      },
    },
  }) as Embedder;
  await Reranker.from(spy).rank(query, documents);
  expect(listwise).toMatchObject({ maxDocuments: 125, maxQueryTokens: 512, maxDocumentTokens: 2048 });
  expect(seen).toEqual(lists[0].tokens);
  await embedder.dispose();
});

describe('a list', () => {
  let reranker: Reranker;
  beforeAll(async () => {
    reranker = await Reranker.load(bytes, local);
  });
  afterAll(() => reranker.dispose());

  it('gives the same bits again, and other scores with other documents', async () => {
    const [first, again] = [await scoresOf(reranker), await scoresOf(reranker)];
    expect(again.scores).toEqual(first.scores);
    const fewer = await scoresOf(reranker, {}, documents.slice(1));
    expect(fewer.scores[0]).not.toBe(first.scores[1]);
  });

  it('scales cosines to probabilities and logits', async () => {
    const [raw, p, logit] = await Promise.all(
      (['raw', 'probability', 'logit'] as const).map((scores) => scoresOf(reranker, { scores })),
    );
    expectNear(
      p.scores,
      raw.scores.map((cosine) => (1 + cosine) / 2),
      1e-6,
    );
    expectNear(
      logit.scores,
      raw.scores.map((cosine) => Math.log((1 + cosine) / (1 - cosine))),
      1e-5,
    );
  });

  it('returns the best, reports progress, and may be empty', async () => {
    const seen: { done: number; total: number }[] = [];
    const best = await reranker.rank(query, documents, { topN: 2, onProgress: (progress) => seen.push(progress) });
    expect(best.results.length).toBe(2);
    expect(seen.at(-1)).toMatchObject({ done: lists[0].tokens[0].length, total: lists[0].tokens[0].length });
    expect(await reranker.rank(query, [])).toEqual({ results: [], nTokens: [], nImageTokens: [], truncated: [] });
  });

  it('placeholders and marks in texts stay texts', async () => {
    const texts = ['{query} {document} {index}', '<|rerank_token|>', ''];
    const { results } = await reranker.rank('{count} {query}', texts);
    expect(results.length).toBe(3);
    for (const { score } of results) expect(Math.abs(score)).toBeLessThanOrEqual(1);
  });

  it.each([
    [1, ['a'], 'the query is not a string'],
    ['a', [1], 'document 0 is not a string'],
    ['a', [{ tokens: [1] }], 'document 0 is not a string'],
    ['a', ['\ud800'], 'document 0 has half of a surrogate pair'],
    ['word '.repeat(600), ['a'], /^the query has \d+ tokens, but the model takes 512: shorten it or allow truncation$/],
    ['a', ['b', 'word '.repeat(2100)], /^document 1 has \d+ tokens, but the model takes 2048/],
  ])('refuses %#', async (asked, texts, message) => {
    await expect(reranker.rank(asked as string, texts as string[])).rejects.toThrow(message);
  });

  it('has no vectors of its texts, unless they are pooled', async () => {
    await expect(reranker.embedder.embed('a')).rejects.toThrow('has no dense output; it has multi');
    expect((await reranker.embedder.embed('a', { pooling: 'last' })).vectors[0].length).toBe(32);
  });

  it('stops when its signal is aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(reranker.rank(query, documents, { signal })).rejects.toThrow('enough');
  });
});

it('a list that is longer than the context is split, and a document alone must fit', async () => {
  const reranker = await Reranker.load(await withNumbers({ max_document_tokens: 100 }), { ...local, nCtx: 900 });
  const { truncated, results } = await reranker.rank(query, Array(12).fill('It is a bear, and it eats bamboo.'));
  expect(results.length).toBe(12);
  expect(truncated).toEqual(Array(12).fill(false));
  await reranker.dispose();
  const small = await Reranker.load(bytes, { ...local, nCtx: 256 });
  const error = await small.rank(query, ['hi', 'it']).catch((reason) => reason);
  expect(error).toBeInstanceOf(ContextSizeError);
  expect(error.message).toMatch(/input 0 has \d+ tokens, but the context is 256/);
  await small.dispose();
});

describe('what a file must say', () => {
  it.each([
    ['max_documents', 0, 'gguf_embed.listwise.max_documents is 0; it must be from 1 to 4096'],
    ['query_token', 1e6, 'gguf_embed.listwise.query_token is 1000000; it must be from 0 to'],
    ['max_document_tokens', 0, 'gguf_embed.listwise.max_document_tokens is 0; it must be from 1 to 16777216'],
  ])('%s %i', async (key, value, message) => {
    await expect(Reranker.load(await withNumbers({ [key]: value }), local)).rejects.toThrow(message);
  });

  it.each([
    ['document', undefined, 'gguf_embed.listwise.document is missing'],
    ['end', '{query}'.repeat(17), 'gguf_embed.listwise.end has 17 placeholders'],
  ])('%s', async (key, value, message) => {
    const source = await edited(({ values }) => {
      if (value === undefined) values.delete(`gguf_embed.listwise.${key}`);
      else values.set(`gguf_embed.listwise.${key}`, { type: 'string', value });
    });
    await expect(Reranker.load(source, local)).rejects.toThrow(message);
  });

  it('where the tokens of documents and of the query are', async () => {
    const source = await edited(({ values }) => {
      values.set('gguf_embed.listwise.document', { type: 'string', value: '{document}\n' });
    });
    const reranker = await Reranker.load(source, local);
    await expect(reranker.rank(query, ['a', 'b'])).rejects.toThrow(
      'has 0 tokens behind documents and 1 behind the query',
    );
    await reranker.dispose();
  });
});

it('a checkout without the tokens is refused', async () => {
  const path = join(folder, 'tokenizer.json');
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, whole.replaceAll('<|embed_token|>', '<|other_token|>'));
  await expect(convertFolder(folder, join(dirname(folder), 'other.gguf'), 'F16')).rejects.toThrow(
    'the vocabulary has no token <|embed_token|>',
  );
  writeFileSync(path, whole);
});
