/**
 * @file `gguf-embed/ai` under the Vercel AI SDK, versions 5 and 6.
 */
import { embed as embed5, embedMany as embedMany5 } from 'ai';
import { cosineSimilarity, embed, embedMany, rerank } from 'ai6';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { embeddingModel, rerankingModel } from '../../src/integrations/ai.ts';
import { embedderPath, load, loadModels, prompts, query, texts, vectorsOf } from './models.ts';

let models: Awaited<ReturnType<typeof loadModels>>;
beforeAll(async () => {
  models = await loadModels();
});
afterAll(() => models?.dispose());

it('embeds one value and many, and counts tokens', async () => {
  const model = embeddingModel(models.embedder);
  const expected = await vectorsOf(models.embedder, texts);
  const one = await embed({ model, value: texts[0] });
  expect(one.embedding).toEqual(expected[0]);
  expect(one.usage.tokens).toBe(models.embedder.tokenize(texts[0]).length);
  const { embeddings } = await embedMany({ model, values: texts });
  expect(embeddings).toEqual(expected);
  expect(cosineSimilarity(embeddings[0], embeddings[0])).toBeCloseTo(1);
});

it('embeds under version 5 by its specification, which refuses the newer one', async () => {
  const model = embeddingModel(models.embedder, { specificationVersion: 'v2' });
  const expected = await vectorsOf(models.embedder, texts);
  expect((await embedMany5({ model, values: texts })).embeddings).toEqual(expected);
  const newer = embeddingModel(models.embedder) as unknown as typeof model;
  await expect(embed5({ model: newer, value: 'a' })).rejects.toThrow(/version/);
});

it('puts the prompt of a side before the values, of the model or of one call', async () => {
  const queries = await vectorsOf(models.embedder, texts, prompts.query);
  const documents = await vectorsOf(models.embedder, texts, prompts.document);
  const model = embeddingModel(models.embedder, { prompts, side: 'document' });
  expect((await embedMany({ model, values: texts })).embeddings).toEqual(documents);
  const providerOptions = { 'gguf-embed': { side: 'query' } };
  expect((await embedMany({ model, values: texts, providerOptions })).embeddings).toEqual(queries);
  const wrong = { 'gguf-embed': { sides: 'query' } };
  await expect(embed({ model, value: 'a', providerOptions: wrong })).rejects.toThrow('did you mean side?');
});

it('reranks texts, and objects as JSON', async () => {
  const model = rerankingModel(models.reranker);
  const { ranking, rerankedDocuments } = await rerank({ model, query, documents: texts });
  expect(ranking.map(({ originalIndex, score }) => ({ index: originalIndex, score }))).toEqual(models.ranked);
  expect(rerankedDocuments[0]).toBe(texts[models.ranked[0].index]);
  const best = await rerank({ model, query, documents: texts, topN: 1 });
  expect(best.ranking).toEqual(ranking.slice(0, 1));
  const objects = texts.map((text) => ({ text }));
  const { results } = await models.reranker.rank(
    query,
    objects.map((object) => JSON.stringify(object)),
  );
  const ofObjects = await rerank({ model, query, documents: objects });
  expect(ofObjects.rerankedDocuments).toEqual(results.map(({ index }) => objects[index]));
});

it('stops when the signal of a call aborts', async () => {
  const abortSignal = AbortSignal.abort(new Error('no longer wanted'));
  const embedding = embed({ model: embeddingModel(models.embedder), value: 'a', abortSignal });
  await expect(embedding).rejects.toThrow('no longer wanted');
  const reranking = rerank({ model: rerankingModel(models.reranker), query, documents: texts, abortSignal });
  await expect(reranking).rejects.toThrow('no longer wanted');
});

it('names the model, loads it at the first call, and frees it', async () => {
  const model = embeddingModel(embedderPath, { load });
  expect(model.modelId).toBe(embedderPath);
  expect(embeddingModel(models.embedder).modelId).toBe(models.embedder.info.name);
  expect((await embed({ model, value: 'a' })).embedding).toHaveLength(models.embedder.info.nEmbdOut);
  await model.dispose();
  await expect(embed({ model, value: 'a', maxRetries: 0 })).rejects.toThrow('disposed');
});

it('refuses what the options do not have', () => {
  expect(() => embeddingModel(embedderPath, { sides: 'query' } as object)).toThrow('did you mean side?');
  expect(() => rerankingModel(embedderPath, { topn: 2 } as object)).toThrow('did you mean topN?');
});
