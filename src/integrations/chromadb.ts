/**
 * @file `gguf-embed/chromadb`: an embedding function for the client of Chroma, in process. Needs `chromadb`.
 *
 * Importing this module registers the function, so that `getCollection` makes it again from what the server keeps about the collection.
 *
 * ```ts
 * import { ChromaClient } from 'chromadb';
 * import { GgufEmbeddingFunction } from 'gguf-embed/chromadb';
 *
 * const embeddingFunction = new GgufEmbeddingFunction({ model: 'hf:ggml-org/bge-small-en-v1.5-Q8_0-GGUF' });
 * const collection = await new ChromaClient().createCollection({ name: 'texts', embeddingFunction });
 * ```
 */
import {
  type EmbeddingFunction,
  type EmbeddingFunctionSpace,
  knownEmbeddingFunctions,
  registerEmbeddingFunction,
} from 'chromadb';
import type { Embedder } from '../engine/embedder.ts';
import { InputError } from '../engine/errors.ts';
import type { ModelSource } from '../engine/load/source.ts';
import type { LoadOptions } from '../engine/types.ts';
import { TextEmbedder, type TextEmbedderOptions } from './text-embedder.ts';

/** The name of the function in the configuration of a collection. */
const NAME = 'gguf-embed';

/** Options of `GgufEmbeddingFunction`. */
export interface GgufEmbeddingFunctionOptions extends TextEmbedderOptions {
  /** A loaded model, or the source of one, which is loaded at the first call. */
  readonly model: Embedder | ModelSource;
}

/** What the server keeps about a function: what its vectors depend on. */
type Config = Pick<GgufEmbeddingFunctionOptions, 'pooling' | 'normalize' | 'dimensions' | 'truncate' | 'prompts'> & {
  readonly model: string;
  readonly load?: Pick<LoadOptions, 'pooling' | 'nCtx' | 'precision' | 'reproducible'>;
};

/** The embedding function of a collection. */
export class GgufEmbeddingFunction implements EmbeddingFunction {
  readonly name = NAME;
  /**
   * The configuration to make the function again from, for `getCollection`. Absent for a model without a path or name, and with
   * `load.overrides` or `load.rope`: then pass the function to `getCollection`. Threads, tokens and the like are not part of it.
   */
  readonly getConfig?: () => Config;
  readonly #embedder: TextEmbedder;

  /** @throws InputError for an invalid model or option */
  constructor({ model, ...options }: GgufEmbeddingFunctionOptions) {
    this.#embedder = new TextEmbedder('GgufEmbeddingFunction', model, options);
    const { load } = options;
    if (typeof model !== 'string' || load?.overrides || load?.rope) return;
    const { pooling, normalize, dimensions, truncate, prompts } = options;
    const kept = load && {
      pooling: load.pooling,
      nCtx: load.nCtx,
      precision: load.precision,
      reproducible: load.reproducible,
    };
    const config = { model, pooling, normalize, dimensions, truncate, prompts, load: kept };
    this.getConfig = () => JSON.parse(JSON.stringify(config));
  }

  /**
   * The function that `getConfig` describes.
   * @throws InputError for anything else
   */
  static buildFromConfig(config: Record<string, unknown>): GgufEmbeddingFunction {
    return new GgufEmbeddingFunction(config as unknown as GgufEmbeddingFunctionOptions);
  }

  /** A vector for each document, `[texts.length][dimensions]`, with the prompt for documents. */
  async generate(texts: string[]): Promise<number[][]> {
    return (await this.#embedder.embed(texts, 'document')).vectors;
  }

  /** A vector for each query, `[texts.length][dimensions]`, with the prompt for queries. */
  async generateForQueries(texts: string[]): Promise<number[][]> {
    return (await this.#embedder.embed(texts, 'query')).vectors;
  }

  /** The distance that a collection has if it names none. */
  defaultSpace(): EmbeddingFunctionSpace {
    return 'cosine';
  }

  supportedSpaces(): EmbeddingFunctionSpace[] {
    return ['cosine', 'l2', 'ip'];
  }

  /**
   * Called before a collection gets another function.
   * @throws InputError if its vectors would differ from those in the collection
   */
  validateConfigUpdate(config: Record<string, unknown>): void {
    const own: Record<string, unknown> = { ...this.getConfig?.() };
    const differing = [...new Set([...Object.keys(own), ...Object.keys(config)])].filter(
      (name) => JSON.stringify(own[name]) !== JSON.stringify(config[name]),
    );
    if (this.getConfig === undefined || differing.length === 0) return;
    const what = differing.join(', ');
    throw new InputError(
      'option',
      `the vectors in the collection were made with another ${what}: make a new collection`,
    );
  }

  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#embedder.dispose();
  }
}

if (!knownEmbeddingFunctions.has(NAME)) registerEmbeddingFunction(NAME, GgufEmbeddingFunction);
