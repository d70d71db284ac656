import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContextSizeError, Embedder, InputError, Reranker } from '../../src/index.ts';
import { editedBytes } from '../models/edit.ts';
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

  it('takes objects without images as texts', async () => {
    const [{ query, documents }] = queries;
    const [first, second] = documents.map(({ text }) => text);
    const objects = [{ text: first }, [{ text: second.slice(0, 3) }, { text: second.slice(3) }]];
    expect(await reranker.rank({ text: query }, objects)).toEqual(await reranker.rank(query, [first, second]));
  });

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

  it('ranks with a classifier whose file names no pooling, as converters write it', async () => {
    const bytes = await editedBytes('bert-rank', ({ values }) => values.delete('bert.pooling_type'));
    const converted = await Reranker.load(bytes, { backend: 'reference', worker: false });
    const { query, documents } = queries[0];
    const texts = documents.map(({ text }) => text);
    expect(await converted.rank(query, texts)).toEqual(await reranker.rank(query, texts));
    await converted.dispose();
  });

  it('undoes the tanh in which a classifier ends', async () => {
    const jina = await Reranker.load(fixture('jina-bert-v2-rank'), { backend: 'reference', worker: false });
    const texts = ['Paris is the capital of France.', 'a'];
    const query = 'What is the capital of France?';
    const raw = await jina.rank(query, texts);
    const logit = await jina.rank(query, texts, { scores: 'logit' });
    for (const [i, { score }] of logit.results.entries()) {
      expect(Math.abs(score)).toBeGreaterThan(Math.abs(raw.results[i].score));
      expect(Math.tanh(score)).toBeCloseTo(raw.results[i].score, 6);
    }
    await jina.dispose();
  });

  it.each(['bert-rank', 'bert-rank-xlmr', 'qwen3-rank'])(
    'cuts the document of a pair that is too long, and nothing else: %s',
    async (name) => {
      const model = await Reranker.load(fixture(name), { backend: 'reference', worker: false, nCtx: 200 });
      const { tokenizer } = model.embedder;
      const seen: number[][] = [];
      const embed = model.embedder.embed.bind(model.embedder);
      model.embedder.embed = (pairs, options) => {
        seen.push(...(pairs as number[][]));
        return embed(pairs, options);
      };
      const [query, long] = ['which one?', 'a document of words '.repeat(100)];
      const { truncated, nTokens } = await model.rank(query, ['short', long], { truncate: true });
      expect(truncated).toEqual([false, true]);
      expect(nTokens[1]).toBe(200);
      const [short, cut] = seen;
      expect(short).toEqual(tokenizer.encodePair(query, 'short'));
      const { after } = tokenizer.pairEncoder(query);
      expect(after.length).toBeGreaterThan(0);
      expect(cut.slice(-after.length)).toEqual(short.slice(-after.length));
      expect(cut.slice(0, 200 - after.length)).toEqual(tokenizer.encodePair(query, long).slice(0, 200 - after.length));
      await expect(model.rank('a long query '.repeat(100), ['b'], { truncate: true })).rejects.toThrow(
        ContextSizeError,
      );
      await model.dispose();
    },
  );

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
    await expect(reranker.rank('a', 'bc' as never)).rejects.toThrow('the documents must be an array');
    await expect(reranker.rank('a', ['b'], { scores: 'sigmoid' as never })).rejects.toThrow(
      'scores must be one of raw, logit, probability, not "sigmoid"',
    );
    const options = { backend: 'reference', worker: false } as const;
    await expect(Reranker.load(fixture('bert-mean'), options)).rejects.toThrow(
      'is not a reranker: its file has no classifier (cls, cls.output)',
    );
    const embedder = await Embedder.load(fixture('bert-mean'), options);
    expect(() => Reranker.from(embedder)).toThrow(
      "was loaded with mean pooling, which does not rank: load it with pooling: 'rank' (--reranking)",
    );
    await embedder.dispose();
  });
});
