/**
 * @file `gguf-embed/ai`: an embedding model and a reranking model for the Vercel AI SDK (the package `ai`, version 5 or newer), in process.
 *
 * The models are plain objects in the form that the SDK specifies, so this module imports nothing of it.
 *
 * ```ts
 * import { embedMany, rerank } from 'ai';
 * import { embeddingModel, rerankingModel } from 'gguf-embed/ai';
 *
 * const { embeddings } = await embedMany({ model: embeddingModel('model.gguf'), values: ['a text', 'another one'] });
 * const { ranking } = await rerank({ model: rerankingModel('reranker.gguf'), query: 'a question', documents: ['a text'] });
 * ```
 */
import { choice, type OptionTable, readOptions } from '../check-options.ts';
import { Embedder } from '../engine/embedder.ts';
import { optionError } from '../engine/errors.ts';
import type { ModelSource } from '../engine/load/source.ts';
import { Reranker } from '../engine/rerank/reranker.ts';
import { type Side, TextEmbedder, type TextEmbedderOptions, textEmbedderOptions } from './text-embedder.ts';
import { TextReranker, type TextRerankerOptions } from './text-reranker.ts';

/** The name of the provider, also the key of `providerOptions`. */
const PROVIDER = 'gguf-embed';

/** Versions of the SDK's specification of embedding models that differ in their name alone. */
const specificationVersions = ['v2', 'v3'] as const;

/** Options of one call that the SDK passes on in `providerOptions['gguf-embed']`. */
interface SideOptions {
  readonly side?: Side | undefined;
}

const { signal, ...ownOptions } = textEmbedderOptions;

const sideOptions: OptionTable<SideOptions> = { side: choice(['query', 'document'] satisfies Side[]) };

/** Options of `embeddingModel`. */
export interface EmbeddingModelOptions<Version extends (typeof specificationVersions)[number] = 'v3'>
  extends Omit<TextEmbedderOptions, 'signal'> {
  /**
   * The side of a search that the values are on, which chooses the prompt. Default: none, and no prompt.
   * `providerOptions: { 'gguf-embed': { side: 'query' } }` sets it for one call.
   */
  readonly side?: Side | undefined;
  /** `v2` for version 5 of the SDK. Default `v3`, for 6 and newer. */
  readonly specificationVersion?: Version | undefined;
}

/** What the SDK passes to models of any kind. */
interface CallOptions {
  readonly abortSignal?: AbortSignal | undefined;
  readonly providerOptions?: Readonly<Record<string, object>> | undefined;
}

/** An embedding model as the SDK specifies it. */
export interface EmbeddingModel<Version extends (typeof specificationVersions)[number] = 'v3'> {
  readonly specificationVersion: Version;
  readonly provider: string;
  readonly modelId: string;
  readonly maxEmbeddingsPerCall: number;
  readonly supportsParallelCalls: boolean;
  doEmbed(
    options: CallOptions & { readonly values: string[] },
  ): Promise<{ embeddings: number[][]; usage: { tokens: number }; warnings: [] }>;
  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void>;
}

/** A reranking model as the SDK specifies it. */
export interface RerankingModel {
  readonly specificationVersion: 'v3';
  readonly provider: string;
  readonly modelId: string;
  doRerank(
    options: CallOptions & {
      readonly query: string;
      readonly documents: { type: 'text'; values: string[] } | { type: 'object'; values: object[] };
      readonly topN?: number;
    },
  ): Promise<{
    ranking: { index: number; relevanceScore: number }[];
    warnings: { type: 'compatibility'; feature: string; details: string }[];
  }>;
  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void>;
}

/**
 * An embedding model for `embed` and `embedMany`.
 * @param model a loaded model, or the source of one, which is loaded at the first call
 * @throws InputError for an invalid model or option
 */
export function embeddingModel<Version extends (typeof specificationVersions)[number] = 'v3'>(
  model: Embedder | ModelSource,
  given: EmbeddingModelOptions<Version> = {},
): EmbeddingModel<Version> {
  const {
    side,
    specificationVersion = 'v3' as Version,
    ...options
  } = readOptions<EmbeddingModelOptions<Version>>(
    'embeddingModel',
    given,
    { ...ownOptions, ...sideOptions, specificationVersion: choice(specificationVersions) },
    optionError,
  );
  const embedder = new TextEmbedder('embeddingModel', model, options);
  return {
    specificationVersion,
    provider: PROVIDER,
    modelId: nameOf(model),
    maxEmbeddingsPerCall: Number.POSITIVE_INFINITY,
    supportsParallelCalls: true,
    async doEmbed({ values, abortSignal, providerOptions }) {
      const call = readOptions<SideOptions>(PROVIDER, providerOptions?.[PROVIDER], sideOptions, optionError);
      const { vectors, nTokens } = await embedder.embed(values, call.side ?? side, abortSignal);
      return { embeddings: vectors, usage: { tokens: nTokens }, warnings: [] };
    },
    dispose: () => embedder.dispose(),
  };
}

/**
 * A reranking model for `rerank`, which version 6 of the SDK and newer have. Documents that are objects are ranked as JSON.
 * @param model a loaded model, or the source of one, which is loaded at the first call
 * @throws InputError for an invalid model or option
 */
export function rerankingModel(
  model: Reranker | ModelSource,
  options: Omit<TextRerankerOptions, 'signal'> = {},
): RerankingModel {
  const reranker = new TextReranker('rerankingModel', model, options);
  return {
    specificationVersion: 'v3',
    provider: PROVIDER,
    modelId: nameOf(model),
    async doRerank({ query, documents, topN, abortSignal, providerOptions }) {
      readOptions(PROVIDER, providerOptions?.[PROVIDER], {}, optionError);
      const isText = documents.type === 'text';
      const texts = isText ? documents.values : documents.values.map((value) => JSON.stringify(value));
      const ranked = await reranker.rank(query, texts, { topN, signal: abortSignal });
      const details = 'Objects are ranked as JSON.';
      return {
        ranking: ranked.map(({ index, score }) => ({ index, relevanceScore: score })),
        warnings: isText ? [] : [{ type: 'compatibility', feature: 'object documents', details }],
      };
    },
    dispose: () => reranker.dispose(),
  };
}

/** The name of a model in the SDK's reports: known before the model is loaded. */
function nameOf(model: Embedder | Reranker | ModelSource): string {
  if (model instanceof Embedder || model instanceof Reranker) return model.info.name;
  if (typeof model === 'string' || model instanceof URL) return String(model);
  return 'gguf';
}
