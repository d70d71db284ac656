/**
 * @file `gguf-embed/langchain`: embeddings and a reranker for LangChain, in process. Needs `@langchain/core`.
 *
 * ```ts
 * import { GgufEmbeddings, GgufReranker } from 'gguf-embed/langchain';
 *
 * const embeddings = new GgufEmbeddings({ model: 'hf:ggml-org/bge-small-en-v1.5-Q8_0-GGUF' });
 * const compressor = new GgufReranker({ model: 'bge-reranker.gguf', topN: 3 });
 * ```
 */
import { Document, type DocumentInterface } from '@langchain/core/documents';
import { Embeddings } from '@langchain/core/embeddings';
import { BaseDocumentCompressor } from '@langchain/core/retrievers/document_compressors';
import type { Embedder } from '../engine/embedder.ts';
import type { ModelSource } from '../engine/load/source.ts';
import type { Reranker } from '../engine/rerank/reranker.ts';
import { TextEmbedder, type TextEmbedderOptions } from './text-embedder.ts';
import { TextReranker, type TextRerankerOptions } from './text-reranker.ts';

/** Options of `GgufEmbeddings`. */
export interface GgufEmbeddingsOptions extends TextEmbedderOptions {
  /** A loaded model, or the source of one, which is loaded at the first call. */
  readonly model: Embedder | ModelSource;
}

/** Options of `GgufReranker`. */
export interface GgufRerankerOptions extends TextRerankerOptions {
  /** A loaded model, or the source of one, which is loaded at the first call. */
  readonly model: Reranker | ModelSource;
}

/** Embeddings for vector stores and retrievers. */
export class GgufEmbeddings extends Embeddings {
  readonly #embedder: TextEmbedder;

  /** @throws InputError for an invalid model or option */
  constructor({ model, ...options }: GgufEmbeddingsOptions) {
    super({});
    this.#embedder = new TextEmbedder('GgufEmbeddings', model, options);
  }

  /** A vector for each document, `[documents.length][dimensions]`, with the prompt for documents. */
  override async embedDocuments(documents: string[]): Promise<number[][]> {
    return (await this.#embedder.embed(documents, 'document')).vectors;
  }

  /** The vector of a query, `[dimensions]`, with the prompt for queries. */
  override async embedQuery(query: string): Promise<number[]> {
    return (await this.#embedder.embed([query], 'query')).vectors[0];
  }

  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#embedder.dispose();
  }
}

/** Reranks documents, for example as the `baseCompressor` of a `ContextualCompressionRetriever`. */
export class GgufReranker extends BaseDocumentCompressor {
  readonly #reranker: TextReranker;

  /** @throws InputError for an invalid model or option */
  constructor({ model, ...options }: GgufRerankerOptions) {
    super();
    this.#reranker = new TextReranker('GgufReranker', model, options);
  }

  /** The best documents first, each with its score in `metadata.relevanceScore`. The given documents stay as they are. */
  override async compressDocuments(documents: DocumentInterface[], query: string): Promise<DocumentInterface[]> {
    const texts = documents.map(({ pageContent }) => pageContent);
    const ranked = await this.#reranker.rank(query, texts);
    return ranked.map(({ index, score }) => {
      const { id, pageContent, metadata } = documents[index];
      return new Document({ id, pageContent, metadata: { ...metadata, relevanceScore: score } });
    });
  }

  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#reranker.dispose();
  }
}
