/**
 * @file `gguf-embed/llamaindex` under LlamaIndex: batches of its base class, nodes with metadata.
 */
import { BaseEmbedding } from '@llamaindex/core/embeddings';
import { MetadataMode, TextNode } from '@llamaindex/core/schema';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GgufEmbedding, GgufReranker } from '../../src/integrations/llamaindex.ts';
import { embedderPath, load, loadModels, prompts, query, texts, vectorsOf } from './models.ts';

let models: Awaited<ReturnType<typeof loadModels>>;
beforeAll(async () => {
  models = await loadModels();
});
afterAll(() => models?.dispose());

it('embeds texts, queries and nodes, each with its prompt', async () => {
  const embedding = new GgufEmbedding({ model: models.embedder, prompts });
  expect(embedding).toBeInstanceOf(BaseEmbedding);
  const documents = await vectorsOf(models.embedder, texts, prompts.document);
  expect(await embedding.getTextEmbeddings(texts)).toEqual(documents);
  expect(await embedding.getTextEmbedding(texts[1])).toEqual(documents[1]);
  const [expected] = await vectorsOf(models.embedder, [query], prompts.query);
  expect(await embedding.getQueryEmbedding({ type: 'text', text: query })).toEqual(expected);
  expect(await embedding.getQueryEmbedding({ type: 'image_url', image_url: { url: 'https://example.org/' } })).toBe(
    null,
  );
  const nodes = texts.map((text) => new TextNode({ text }));
  await embedding(nodes);
  expect(nodes.map((node) => node.embedding)).toEqual(documents);
});

it('takes as many texts in a call as the batch size says, and reports progress', async () => {
  const embedding = new GgufEmbedding({ model: models.embedder });
  const many = Array.from({ length: 300 }, (_, i) => texts[i % texts.length]);
  const done: number[] = [];
  const vectors = await embedding.getTextEmbeddingsBatch(many, { progressCallback: (current) => done.push(current) });
  expect(done).toEqual([128, 256, 300]);
  const expected = await vectorsOf(models.embedder, texts);
  expect(vectors).toEqual(many.map((_, i) => expected[i % texts.length]));
});

it('reranks nodes by their text with metadata', async () => {
  const reranker = new GgufReranker({ model: models.reranker });
  const nodes = texts.map((text, i) => ({ node: new TextNode({ text, metadata: { title: `title ${i}` } }), score: 0 }));
  const contents = nodes.map(({ node }) => node.getContent(MetadataMode.EMBED));
  expect(contents[1]).toContain('title 1');
  const { results } = await models.reranker.rank(query, contents, { scores: 'probability' });
  const expected = results.map(({ index, score }) => ({ node: nodes[index].node, score }));
  expect(await reranker.postprocessNodes(nodes, query)).toEqual(expected);
  expect(await reranker.postprocessNodes(nodes, [{ type: 'text', text: query }])).toEqual(expected);
  expect(await new GgufReranker({ model: models.reranker, topN: 1 }).postprocessNodes(nodes, query)).toEqual(
    expected.slice(0, 1),
  );
  expect(await reranker.postprocessNodes([])).toEqual([]);
  await expect(reranker.postprocessNodes(nodes)).rejects.toThrow('there is none');
});

it('loads a model at the first call, stops at a signal, and frees the model', async () => {
  const embedding = new GgufEmbedding({ model: embedderPath, load });
  expect(await embedding.getTextEmbedding('a')).toHaveLength(models.embedder.info.nEmbdOut);
  await embedding.dispose();
  await expect(embedding.getTextEmbedding('a')).rejects.toThrow('disposed');
  const signal = AbortSignal.abort(new Error('no longer wanted'));
  await expect(new GgufEmbedding({ model: models.embedder, signal }).getTextEmbedding('a')).rejects.toThrow(
    'no longer',
  );
});
