/**
 * @file `gguf-embed/langchain` under LangChain: its vector store, its retriever, its check for compressors.
 */
import { Document } from '@langchain/core/documents';
import { Embeddings } from '@langchain/core/embeddings';
import { BaseDocumentCompressor } from '@langchain/core/retrievers/document_compressors';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GgufEmbeddings, GgufReranker } from '../../src/integrations/langchain.ts';
import { embedderPath, load, loadModels, prompts, query, texts, vectorsOf } from './models.ts';

let models: Awaited<ReturnType<typeof loadModels>>;
beforeAll(async () => {
  models = await loadModels();
});
afterAll(() => models?.dispose());

it('embeds documents and queries, each with its prompt', async () => {
  const embeddings = new GgufEmbeddings({ model: models.embedder, prompts });
  expect(embeddings).toBeInstanceOf(Embeddings);
  expect(await embeddings.embedDocuments(texts)).toEqual(await vectorsOf(models.embedder, texts, prompts.document));
  expect([await embeddings.embedQuery(query)]).toEqual(await vectorsOf(models.embedder, [query], prompts.query));
  expect(await embeddings.embedDocuments([])).toEqual([]);
});

it('reranks documents, and leaves the given ones as they are', async () => {
  const compressor = new GgufReranker({ model: models.reranker, topN: 2 });
  expect(BaseDocumentCompressor.isBaseDocumentCompressor(compressor)).toBe(true);
  const documents = texts.map((pageContent, i) => new Document({ pageContent, id: `id-${i}`, metadata: { i } }));
  const compressed = await compressor.compressDocuments(documents, query);
  const [first, second] = models.ranked;
  expect(compressed).toEqual(
    [first, second].map(
      ({ index, score }) =>
        new Document({ id: `id-${index}`, pageContent: texts[index], metadata: { i: index, relevanceScore: score } }),
    ),
  );
  expect(documents.map(({ metadata }) => metadata)).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
  expect(await compressor.compressDocuments([], query)).toEqual([]);
});

it('loads a model at the first call, stops at a signal, and frees the model', async () => {
  const embeddings = new GgufEmbeddings({ model: embedderPath, load });
  expect(await embeddings.embedQuery('a')).toHaveLength(models.embedder.info.nEmbdOut);
  await embeddings.dispose();
  await expect(embeddings.embedQuery('a')).rejects.toThrow('disposed');
  const signal = AbortSignal.abort(new Error('no longer wanted'));
  await expect(new GgufEmbeddings({ model: models.embedder, signal }).embedQuery('a')).rejects.toThrow(
    'no longer wanted',
  );
  const compressor = new GgufReranker({ model: models.reranker, signal });
  const document = new Document({ pageContent: 'a' });
  await expect(compressor.compressDocuments([document], query)).rejects.toThrow('no longer wanted');
});

it('refuses an option that it does not have', () => {
  const options = { model: embedderPath, maxConcurrency: 2 };
  expect(() => new GgufEmbeddings(options)).toThrow('the options of GgufEmbeddings have no "maxConcurrency"');
});
