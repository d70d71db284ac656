/**
 * @file `gguf-embed/llamaindex`: an embedding model and a reranker for LlamaIndex, in process. Needs `@llamaindex/core`.
 *
 * ```ts
 * import { GgufEmbedding, GgufReranker } from 'gguf-embed/llamaindex';
 *
 * Settings.embedModel = new GgufEmbedding({ model: 'hf:ggml-org/bge-small-en-v1.5-Q8_0-GGUF' });
 * const nodePostprocessors = [new GgufReranker({ model: 'bge-reranker.gguf', topN: 3 })];
 * ```
 */
import { BaseEmbedding } from '@llamaindex/core/embeddings';
import type { MessageContent, MessageContentDetail } from '@llamaindex/core/llms';
import type { BaseNodePostprocessor } from '@llamaindex/core/postprocessor';
import { MetadataMode, type NodeWithScore } from '@llamaindex/core/schema';
import { extractSingleText, extractText } from '@llamaindex/core/utils';
import type { Embedder } from '../engine/embedder.ts';
import { InputError } from '../engine/errors.ts';
import type { ModelSource } from '../engine/load/source.ts';
import type { Reranker } from '../engine/rerank/reranker.ts';
import { TextEmbedder, type TextEmbedderOptions } from './text-embedder.ts';
import { TextReranker, type TextRerankerOptions } from './text-reranker.ts';

/** Options of `GgufEmbedding`. */
export interface GgufEmbeddingOptions extends TextEmbedderOptions {
  /** A loaded model, or the source of one, which is loaded at the first call. */
  readonly model: Embedder | ModelSource;
}

/** Options of `GgufReranker`. */
export interface GgufRerankerOptions extends TextRerankerOptions {
  /** A loaded model, or the source of one, which is loaded at the first call. */
  readonly model: Reranker | ModelSource;
}

/** An embedding model, for `Settings.embedModel`. */
export class GgufEmbedding extends BaseEmbedding {
  /** Texts in one call. LlamaIndex reports progress after each call; the engine packs the texts into batches of its own. */
  override embedBatchSize = 128;
  readonly #embedder: TextEmbedder;

  /** @throws InputError for an invalid model or option */
  constructor({ model, ...options }: GgufEmbeddingOptions) {
    super();
    this.#embedder = new TextEmbedder('GgufEmbedding', model, options);
  }

  /** The vector of a document, `[dimensions]`, with the prompt for documents. */
  override async getTextEmbedding(text: string): Promise<number[]> {
    return (await this.#embedder.embed([text], 'document')).vectors[0];
  }

  /** A vector for each document, `[texts.length][dimensions]`, with the prompt for documents. */
  override getTextEmbeddings = async (texts: string[]): Promise<number[][]> =>
    (await this.#embedder.embed(texts, 'document')).vectors;

  /** The vector of a query, `[dimensions]`, with the prompt for queries; `null` for a query without text. */
  override async getQueryEmbedding(query: MessageContentDetail): Promise<number[] | null> {
    const text = extractSingleText(query);
    return text === null ? null : (await this.#embedder.embed([text], 'query')).vectors[0];
  }

  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#embedder.dispose();
  }
}

/** Reranks the nodes that a retriever has found, as one of the `nodePostprocessors` of a query engine. */
export class GgufReranker implements BaseNodePostprocessor {
  readonly #reranker: TextReranker;

  /** @throws InputError for an invalid model or option */
  constructor({ model, ...options }: GgufRerankerOptions) {
    this.#reranker = new TextReranker('GgufReranker', model, options);
  }

  /**
   * The best nodes first, each with its new score. Ranks the text of a node as it is embedded, with its metadata.
   * @throws InputError without a query
   */
  async postprocessNodes(nodes: NodeWithScore[], query?: MessageContent): Promise<NodeWithScore[]> {
    if (nodes.length === 0) return [];
    if (query === undefined) throw new InputError('shape', 'GgufReranker ranks for a query, and there is none');
    const texts = nodes.map(({ node }) => node.getContent(MetadataMode.EMBED));
    const ranked = await this.#reranker.rank(extractText(query), texts);
    return ranked.map(({ index, score }) => ({ node: nodes[index].node, score }));
  }

  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#reranker.dispose();
  }
}
