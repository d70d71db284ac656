import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError, Reranker } from '../../src/index.ts';
import { fixture, recorded } from './support.ts';

interface Recorded {
  queries: { query: string; documents: { text: string; score: number; n_tokens: number; pair_tokens: number[] }[] }[];
}

/** Every way to lay out a pair and every head: the template of qwen3 among them. */
const models = [
  'bert-rank',
  'bert-rank-xlmr',
  'bert-rank-labels',
  'jina-bert-v2-rank',
  'modern-bert-rank',
  'qwen3-rank',
];

describe.each(models)('%s', (name) => {
  it('lays pairs out and scores them as llama.cpp does', async () => {
    const reranker = await Reranker.load(fixture(name), { backend: 'reference' });
    for (const { query, documents } of recorded<Recorded>(`rank/${name}`).queries) {
      for (const { text, pair_tokens } of documents) {
        expect(reranker.embedder.tokenizer.encodePair(query, text)).toEqual(pair_tokens);
      }
      const { results } = await reranker.rank(
        query,
        documents.map(({ text }) => text),
      );
      for (const { index, score } of results) expect(Math.abs(score - documents[index].score)).toBeLessThan(4e-3);
    }
    await reranker.dispose();
  });
});

describe('Reranker', () => {
  const { queries } = recorded<Recorded>('rank/bert-rank');
  let reranker: Reranker;
  beforeAll(async () => {
    reranker = await Reranker.load(fixture('bert-rank'), { backend: 'reference' });
  });
  afterAll(() => reranker.dispose());

  it.each(queries)('scores the documents for $query as llama.cpp does', async ({ query, documents }) => {
    const { results, nTokens } = await reranker.rank(
      query,
      documents.map(({ text }) => text),
    );
    expect(results.map(({ score }) => score)).toEqual(results.map(({ score }) => score).toSorted((a, b) => b - a));
    for (const { index, score } of results) expect(Math.abs(score - documents[index].score)).toBeLessThan(2e-3);
    expect(nTokens).toEqual(documents.map(({ n_tokens }) => n_tokens));
  });

  it('gives logits and probabilities on request, in the same order', async () => {
    const { query, documents } = queries[0];
    const texts = documents.map(({ text }) => text);
    const raw = await reranker.rank(query, texts);
    const logit = await reranker.rank(query, texts, { scores: 'logit' });
    const probability = await reranker.rank(query, texts, { scores: 'probability' });
    expect(logit.results).toEqual(raw.results);
    expect(probability.results.map(({ index }) => index)).toEqual(raw.results.map(({ index }) => index));
    for (const [i, { score }] of probability.results.entries()) {
      expect(Math.log(score / (1 - score))).toBeCloseTo(raw.results[i].score, 5);
    }
  });

  it('returns the best few', async () => {
    const { query, documents } = queries[0];
    const texts = documents.map(({ text }) => text);
    const all = await reranker.rank(query, texts);
    expect((await reranker.rank(query, texts, { topN: 2 })).results).toEqual(all.results.slice(0, 2));
    expect((await reranker.rank(query, texts, { topN: 99 })).results).toEqual(all.results);
    expect((await reranker.rank(query, [])).results).toEqual([]);
  });

  it('refuses what it cannot rank', async () => {
    await expect(reranker.rank(5 as never, ['a'])).rejects.toThrow('the query must be a string');
    await expect(reranker.rank('a', ['b', 7 as never])).rejects.toThrow('document 1 is not a string');
    await expect(reranker.rank('a', ['b'], { topN: -1 })).rejects.toThrow(InputError);
    await expect(Reranker.load(fixture('bert-mean'), { backend: 'reference' })).rejects.toThrow(
      'is no reranker: its file asks for mean pooling, not rank',
    );
  });
});
