/**
 * @file The table of known embedders and rerankers: where their GGUF files are, and what a file does not say, above all the
 * prompts that they were trained with. `docs/models.md` is generated from this table.
 */

import {
  bgeChinesePrompts,
  bgeGemmaPrompts,
  bgePrompts,
  colNomicPrompts,
  e5Prompts,
  gemmaPrompts,
  gmePrompts,
  instructPrompts,
  jinaV3Prompts,
  jinaV4Prompts,
  nomicMultimodalPrompts,
  nomicPrompts,
  none,
  type PromptsByName,
  qwen3VlPrompts,
  qwenPrompts,
} from './known-prompts.ts';

/** A known model. */
export interface KnownModel {
  readonly name: string;
  /** `sparse`: of sparse vectors; `multi`: of a vector for each token. */
  readonly kind: 'embedder' | 'reranker' | 'sparse' | 'multi';
  /** Repository of the original model. */
  readonly original: string;
  /** Repository of GGUF files, for `-hf`; `undefined` if the original must be converted. */
  readonly gguf: string | undefined;
  /** `general.architecture` of the files. */
  readonly architecture: string;
  readonly layers: number;
  /** Width of the vectors; for other kinds than embedders, of the hidden state. */
  readonly dimensions: number;
  /** Width of the vector of a token, of the kind `multi`. */
  readonly tokenDimensions?: number;
  /** Context in tokens, from the GGUF files of the model. */
  readonly context: number;
  /** `none` for a vector for each token. */
  readonly pooling: 'mean' | 'cls' | 'last' | 'rank' | 'none';
  /** Texts to put around inputs, by the names that requests give as `prompt_name`. */
  readonly prompts: PromptsByName;
  readonly license: string;
}

type Shape = Pick<KnownModel, 'architecture' | 'layers' | 'dimensions' | 'tokenDimensions' | 'context' | 'pooling'>;

/** The common sizes of BERT. */
const small: Pick<Shape, 'architecture' | 'layers' | 'dimensions'> = {
  architecture: 'bert',
  layers: 12,
  dimensions: 384,
};
const base = { architecture: 'bert', layers: 12, dimensions: 768 } as const;
const large = { architecture: 'bert', layers: 24, dimensions: 1024 } as const;

/** A row of the table: the name, the repositories of the original and of GGUF files. */
type Row = readonly [
  name: string,
  original: string,
  gguf: string | undefined,
  shape: Shape,
  prompts: KnownModel['prompts'],
  license: string,
];

const cls = (shape: Omit<Shape, 'context' | 'pooling'>, context = 512): Shape => ({
  ...shape,
  context,
  pooling: 'cls',
});
const mean = (shape: Omit<Shape, 'context' | 'pooling'>, context = 512): Shape => ({
  ...shape,
  context,
  pooling: 'mean',
});
const last = (layers: number, dimensions: number): Shape => ({
  architecture: 'qwen3',
  layers,
  dimensions,
  context: 32768,
  pooling: 'last',
});
const rank = (shape: Omit<Shape, 'context' | 'pooling'>, context = 512): Shape => ({
  ...shape,
  context,
  pooling: 'rank',
});
/** The text models of pairs that see images, by the names of what they were made of. */
const qwen3Vl2b: Shape = { ...last(28, 2048), architecture: 'qwen3vl', context: 262144 };
const qwen3Vl8b: Shape = { ...qwen3Vl2b, layers: 36, dimensions: 4096 };
const qwen2Vl2b: Shape = { ...last(28, 1536), architecture: 'qwen2vl' };
const qwen2Vl7b: Shape = { ...qwen2Vl2b, dimensions: 3584 };
const qwen25Vl3b: Shape = { ...last(36, 2048), architecture: 'qwen2vl', context: 128000 };
const qwen25Vl7b: Shape = { ...qwen25Vl3b, layers: 28, dimensions: 3584 };
const nomic = { architecture: 'nomic-bert', layers: 12, dimensions: 768 };
const nemotron = { architecture: 'llama-embed', layers: 16, dimensions: 2048 };
const mpnet = { ...base, architecture: 'gguf-embed-mpnet' };
const gte = { ...base, architecture: 'gguf-embed-gte' };
const deberta = (shape: Omit<Shape, 'context' | 'pooling'>) => rank({ ...shape, architecture: 'gguf-embed-deberta' });
const fixed = (dimensions: number) => mean({ architecture: 'gguf-embed-static', layers: 0, dimensions }, 32768);
const jina = (layers: number, dimensions: number) => ({ architecture: 'jina-bert-v2', layers, dimensions });

// biome-ignore format: a table
const embedders: readonly Row[] = [
  ['all-MiniLM-L6-v2', 'sentence-transformers/all-MiniLM-L6-v2', 'leliuga/all-MiniLM-L6-v2-GGUF', mean({ ...small, layers: 6 }), none, 'Apache-2.0'],
  ['all-MiniLM-L12-v2', 'sentence-transformers/all-MiniLM-L12-v2', 'leliuga/all-MiniLM-L12-v2-GGUF', mean(small), none, 'Apache-2.0'],
  ['bge-small-en-v1.5', 'BAAI/bge-small-en-v1.5', 'ggml-org/bge-small-en-v1.5-Q8_0-GGUF', cls(small), bgePrompts, 'MIT'],
  ['bge-base-en-v1.5', 'BAAI/bge-base-en-v1.5', 'CompendiumLabs/bge-base-en-v1.5-gguf', cls(base), bgePrompts, 'MIT'],
  ['bge-large-en-v1.5', 'BAAI/bge-large-en-v1.5', 'CompendiumLabs/bge-large-en-v1.5-gguf', cls(large), bgePrompts, 'MIT'],
  ['bge-small-zh-v1.5', 'BAAI/bge-small-zh-v1.5', undefined, cls({ architecture: 'bert', layers: 4, dimensions: 512 }), bgeChinesePrompts, 'MIT'],
  ['bge-base-zh-v1.5', 'BAAI/bge-base-zh-v1.5', undefined, cls(base), bgeChinesePrompts, 'MIT'],
  ['bge-large-zh-v1.5', 'BAAI/bge-large-zh-v1.5', undefined, cls(large), bgeChinesePrompts, 'MIT'],
  ['bge-m3', 'BAAI/bge-m3', 'gpustack/bge-m3-GGUF', cls(large, 8192), none, 'MIT'],
  ['e5-small-v2', 'intfloat/e5-small-v2', 'ggml-org/e5-small-v2-Q8_0-GGUF', mean(small), e5Prompts, 'MIT'],
  ['e5-base-v2', 'intfloat/e5-base-v2', 'ChristianAzinn/e5-base-v2-gguf', mean(base), e5Prompts, 'MIT'],
  ['e5-large-v2', 'intfloat/e5-large-v2', undefined, mean(large), e5Prompts, 'MIT'],
  ['multilingual-e5-small', 'intfloat/multilingual-e5-small', undefined, mean(small), e5Prompts, 'MIT'],
  ['multilingual-e5-base', 'intfloat/multilingual-e5-base', undefined, mean(base), e5Prompts, 'MIT'],
  ['multilingual-e5-large', 'intfloat/multilingual-e5-large', undefined, mean(large), e5Prompts, 'MIT'],
  ['multilingual-e5-large-instruct', 'intfloat/multilingual-e5-large-instruct', 'Ralriki/multilingual-e5-large-instruct-GGUF', mean(large), instructPrompts, 'MIT'],
  ['gte-small', 'thenlper/gte-small', 'ggml-org/gte-small-Q8_0-GGUF', mean(small), none, 'MIT'],
  ['gte-base', 'thenlper/gte-base', 'ChristianAzinn/gte-base-gguf', mean(base), none, 'MIT'],
  ['gte-large', 'thenlper/gte-large', 'ChristianAzinn/gte-large-gguf', mean(large), none, 'MIT'],
  ['snowflake-arctic-embed-xs', 'Snowflake/snowflake-arctic-embed-xs', undefined, cls({ ...small, layers: 6 }), bgePrompts, 'Apache-2.0'],
  ['snowflake-arctic-embed-s', 'Snowflake/snowflake-arctic-embed-s', undefined, cls(small), bgePrompts, 'Apache-2.0'],
  ['snowflake-arctic-embed-m', 'Snowflake/snowflake-arctic-embed-m', undefined, cls(base), bgePrompts, 'Apache-2.0'],
  ['snowflake-arctic-embed-m-v1.5', 'Snowflake/snowflake-arctic-embed-m-v1.5', undefined, cls(base), bgePrompts, 'Apache-2.0'],
  ['snowflake-arctic-embed-m-long', 'Snowflake/snowflake-arctic-embed-m-long', undefined, cls(nomic, 2048), bgePrompts, 'Apache-2.0'],
  ['snowflake-arctic-embed-l', 'Snowflake/snowflake-arctic-embed-l', undefined, cls(large), bgePrompts, 'Apache-2.0'],
  ['snowflake-arctic-embed-l-v2.0', 'Snowflake/snowflake-arctic-embed-l-v2.0', undefined, cls(large, 8192), { query: 'query: ' }, 'Apache-2.0'],
  ['mxbai-embed-large-v1', 'mixedbread-ai/mxbai-embed-large-v1', 'ChristianAzinn/mxbai-embed-large-v1-gguf', cls(large), bgePrompts, 'Apache-2.0'],
  ['nomic-embed-text-v1', 'nomic-ai/nomic-embed-text-v1', 'nomic-ai/nomic-embed-text-v1-GGUF', mean(nomic, 2048), nomicPrompts, 'Apache-2.0'],
  ['nomic-embed-text-v1.5', 'nomic-ai/nomic-embed-text-v1.5', 'nomic-ai/nomic-embed-text-v1.5-GGUF', mean(nomic, 2048), nomicPrompts, 'Apache-2.0'],
  ['nomic-embed-text-v2-moe', 'nomic-ai/nomic-embed-text-v2-moe', 'nomic-ai/nomic-embed-text-v2-moe-GGUF', mean({ ...nomic, architecture: 'nomic-bert-moe' }), nomicPrompts, 'Apache-2.0'],
  ['modernbert-embed-base', 'nomic-ai/modernbert-embed-base', undefined, mean({ architecture: 'modern-bert', layers: 22, dimensions: 768 }, 8192), { query: 'search_query: ', document: 'search_document: ' }, 'Apache-2.0'],
  ['jina-embeddings-v2-small-en', 'jinaai/jina-embeddings-v2-small-en', 'second-state/jina-embeddings-v2-small-en-GGUF', mean(jina(4, 512), 8192), none, 'Apache-2.0'],
  ['jina-embeddings-v2-base-en', 'jinaai/jina-embeddings-v2-base-en', 'second-state/jina-embeddings-v2-base-en-GGUF', mean(jina(12, 768), 8192), none, 'Apache-2.0'],
  ['jina-embeddings-v2-base-code', 'jinaai/jina-embeddings-v2-base-code', 'second-state/jina-embeddings-v2-base-code-GGUF', mean(jina(12, 768), 8192), none, 'Apache-2.0'],
  ['jina-embeddings-v3', 'jinaai/jina-embeddings-v3', 'second-state/jina-embeddings-v3-GGUF', mean({ ...large, architecture: 'jina-bert-v3' }, 8192), jinaV3Prompts, 'CC-BY-NC-4.0'],
  ['Qwen3-Embedding-0.6B', 'Qwen/Qwen3-Embedding-0.6B', 'Qwen/Qwen3-Embedding-0.6B-GGUF', last(28, 1024), qwenPrompts, 'Apache-2.0'],
  ['Qwen3-Embedding-4B', 'Qwen/Qwen3-Embedding-4B', 'Qwen/Qwen3-Embedding-4B-GGUF', last(36, 2560), qwenPrompts, 'Apache-2.0'],
  ['Qwen3-Embedding-8B', 'Qwen/Qwen3-Embedding-8B', 'Qwen/Qwen3-Embedding-8B-GGUF', last(36, 4096), qwenPrompts, 'Apache-2.0'],
  ['llama-nemotron-embed-1b-v2', 'nvidia/llama-nemotron-embed-1b-v2', undefined, mean(nemotron, 131072), e5Prompts, 'NVIDIA open model licence'],
  ['LFM2.5-Embedding-350M', 'LiquidAI/LFM2.5-Embedding-350M', undefined, cls({ architecture: 'lfm2', layers: 16, dimensions: 1024 }, 32768), { query: 'query: ', document: 'document: ' }, 'LFM-1.0'],
  ['LaBSE', 'sentence-transformers/LaBSE', undefined, cls(base), none, 'Apache-2.0'],
  ['all-mpnet-base-v2', 'sentence-transformers/all-mpnet-base-v2', undefined, mean(mpnet), none, 'Apache-2.0'],
  ['paraphrase-mpnet-base-v2', 'sentence-transformers/paraphrase-mpnet-base-v2', undefined, mean(mpnet), none, 'Apache-2.0'],
  ['multi-qa-mpnet-base-dot-v1', 'sentence-transformers/multi-qa-mpnet-base-dot-v1', undefined, cls(mpnet), none, 'Apache-2.0'],
  ['gte-multilingual-base', 'Alibaba-NLP/gte-multilingual-base', undefined, cls(gte, 8192), none, 'Apache-2.0'],
  ['gte-base-en-v1.5', 'Alibaba-NLP/gte-base-en-v1.5', undefined, cls(gte, 8192), none, 'Apache-2.0'],
  ['gte-large-en-v1.5', 'Alibaba-NLP/gte-large-en-v1.5', undefined, cls({ ...large, architecture: 'gguf-embed-gte' }, 8192), none, 'Apache-2.0'],
  ['snowflake-arctic-embed-m-v2.0', 'Snowflake/snowflake-arctic-embed-m-v2.0', undefined, cls(gte, 8192), { query: 'query: ' }, 'Apache-2.0'],
  ['potion-base-2M', 'minishlab/potion-base-2M', undefined, fixed(64), none, 'MIT'],
  ['potion-base-4M', 'minishlab/potion-base-4M', undefined, fixed(128), none, 'MIT'],
  ['potion-base-8M', 'minishlab/potion-base-8M', undefined, fixed(256), none, 'MIT'],
  ['potion-base-32M', 'minishlab/potion-base-32M', undefined, fixed(512), none, 'MIT'],
  ['potion-retrieval-32M', 'minishlab/potion-retrieval-32M', undefined, fixed(512), none, 'MIT'],
  ['potion-multilingual-128M', 'minishlab/potion-multilingual-128M', undefined, fixed(256), none, 'MIT'],
  ['static-retrieval-mrl-en-v1', 'sentence-transformers/static-retrieval-mrl-en-v1', undefined, fixed(1024), none, 'Apache-2.0'],
  ['static-similarity-mrl-multilingual-v1', 'sentence-transformers/static-similarity-mrl-multilingual-v1', undefined, fixed(1024), none, 'Apache-2.0'],
  ['embeddinggemma-300m', 'google/embeddinggemma-300m', 'ggml-org/embeddinggemma-300M-GGUF', mean({ architecture: 'gemma-embedding', layers: 24, dimensions: 768 }, 2048), gemmaPrompts, 'Gemma terms of use'],
  ['bge-multilingual-gemma2', 'BAAI/bge-multilingual-gemma2', undefined, { architecture: 'gemma2', layers: 42, dimensions: 3584, context: 8192, pooling: 'last' }, bgeGemmaPrompts, 'Gemma terms of use'],
  ['Qwen3-VL-Embedding-2B', 'Qwen/Qwen3-VL-Embedding-2B', 'mradermacher/Qwen3-VL-Embedding-2B-GGUF', qwen3Vl2b, qwen3VlPrompts, 'Apache-2.0'],
  ['Qwen3-VL-Embedding-8B', 'Qwen/Qwen3-VL-Embedding-8B', undefined, qwen3Vl8b, qwen3VlPrompts, 'Apache-2.0'],
  ['jina-embeddings-v4', 'jinaai/jina-embeddings-v4', 'jinaai/jina-embeddings-v4-text-retrieval-GGUF', { ...qwen25Vl3b, pooling: 'mean' }, jinaV4Prompts, 'Qwen research licence'],
  ['nomic-embed-multimodal-3b', 'nomic-ai/nomic-embed-multimodal-3b', undefined, qwen25Vl3b, nomicMultimodalPrompts, 'Qwen research licence'],
  ['nomic-embed-multimodal-7b', 'nomic-ai/nomic-embed-multimodal-7b', undefined, qwen25Vl7b, nomicMultimodalPrompts, 'Apache-2.0'],
  ['colnomic-embed-multimodal-3b', 'nomic-ai/colnomic-embed-multimodal-3b', undefined, { ...qwen25Vl3b, pooling: 'none' }, colNomicPrompts, 'Qwen research licence'],
  ['colnomic-embed-multimodal-7b', 'nomic-ai/colnomic-embed-multimodal-7b', undefined, { ...qwen25Vl7b, pooling: 'none' }, colNomicPrompts, 'Apache-2.0'],
  ['gme-Qwen2-VL-2B-Instruct', 'Alibaba-NLP/gme-Qwen2-VL-2B-Instruct', 'mradermacher/gme-Qwen2-VL-2B-Instruct-GGUF', qwen2Vl2b, gmePrompts, 'Apache-2.0'],
  ['gme-Qwen2-VL-7B-Instruct', 'Alibaba-NLP/gme-Qwen2-VL-7B-Instruct', undefined, qwen2Vl7b, gmePrompts, 'Apache-2.0'],
];

// biome-ignore format: a table
const rerankers: readonly Row[] = [
  ['bge-reranker-base', 'BAAI/bge-reranker-base', undefined, rank(base), none, 'MIT'],
  ['bge-reranker-large', 'BAAI/bge-reranker-large', undefined, rank(large), none, 'MIT'],
  ['bge-reranker-v2-m3', 'BAAI/bge-reranker-v2-m3', 'gpustack/bge-reranker-v2-m3-GGUF', rank(large, 8192), none, 'Apache-2.0'],
  ['bge-reranker-v2-gemma', 'BAAI/bge-reranker-v2-gemma', undefined, rank({ architecture: 'gemma', layers: 18, dimensions: 2048 }, 8192), none, 'Apache-2.0'],
  ['gte-multilingual-reranker-base', 'Alibaba-NLP/gte-multilingual-reranker-base', undefined, rank(gte, 8192), none, 'Apache-2.0'],
  ['jina-reranker-v1-tiny-en', 'jinaai/jina-reranker-v1-tiny-en', 'gpustack/jina-reranker-v1-tiny-en-GGUF', rank(jina(4, 384), 8192), none, 'Apache-2.0'],
  ['jina-reranker-v1-turbo-en', 'jinaai/jina-reranker-v1-turbo-en', 'gpustack/jina-reranker-v1-turbo-en-GGUF', rank(jina(6, 384), 8192), none, 'Apache-2.0'],
  ['jina-reranker-v3', 'jinaai/jina-reranker-v3', undefined, { ...last(28, 1024), context: 131072, pooling: 'rank' }, none, 'CC-BY-NC-4.0'],
  ['mxbai-rerank-xsmall-v1', 'mixedbread-ai/mxbai-rerank-xsmall-v1', undefined, deberta({ ...small, layers: 12 }), none, 'Apache-2.0'],
  ['mxbai-rerank-base-v1', 'mixedbread-ai/mxbai-rerank-base-v1', undefined, deberta(base), none, 'Apache-2.0'],
  ['mxbai-rerank-large-v1', 'mixedbread-ai/mxbai-rerank-large-v1', undefined, deberta(large), none, 'Apache-2.0'],
  ['mxbai-rerank-base-v2', 'mixedbread-ai/mxbai-rerank-base-v2', undefined, { ...last(24, 896), architecture: 'qwen2', pooling: 'rank' }, none, 'Apache-2.0'],
  ['mxbai-rerank-large-v2', 'mixedbread-ai/mxbai-rerank-large-v2', undefined, { ...last(28, 1536), architecture: 'qwen2', pooling: 'rank' }, none, 'Apache-2.0'],
  ['llama-nemotron-rerank-1b-v2', 'nvidia/llama-nemotron-rerank-1b-v2', undefined, rank(nemotron, 131072), none, 'NVIDIA open model licence'],
  ['Qwen3-VL-Reranker-2B', 'Qwen/Qwen3-VL-Reranker-2B', undefined, { ...qwen3Vl2b, pooling: 'rank' }, none, 'Apache-2.0'],
  ['Qwen3-VL-Reranker-8B', 'Qwen/Qwen3-VL-Reranker-8B', undefined, { ...qwen3Vl8b, pooling: 'rank' }, none, 'Apache-2.0'],
  ['Qwen3-Reranker-0.6B', 'Qwen/Qwen3-Reranker-0.6B', 'ggml-org/Qwen3-Reranker-0.6B-Q8_0-GGUF', { ...last(28, 1024), pooling: 'rank' }, none, 'Apache-2.0'],
];

const words = (shape: Omit<Shape, 'context' | 'pooling'>, context = 512): Shape => ({
  ...shape,
  context,
  pooling: 'none',
});
const tokens = (shape: Omit<Shape, 'context' | 'pooling'>, tokenDimensions: number, context = 512): Shape => ({
  ...words(shape, context),
  tokenDimensions,
});
const distil = { ...base, layers: 6 };

// biome-ignore format: a table
const sparse: readonly Row[] = [
  ['splade-v3', 'naver/splade-v3', undefined, words(base), none, 'CC-BY-NC-SA-4.0'],
  ['splade-cocondenser-ensembledistil', 'naver/splade-cocondenser-ensembledistil', undefined, words(base), none, 'CC-BY-NC-SA-4.0'],
  ['Splade_PP_en_v1', 'prithivida/Splade_PP_en_v1', undefined, words(base), none, 'Apache-2.0'],
  ['opensearch-neural-sparse-encoding-doc-v2-distill', 'opensearch-project/opensearch-neural-sparse-encoding-doc-v2-distill', undefined, words(distil), none, 'Apache-2.0'],
  ['opensearch-neural-sparse-encoding-doc-v3-distill', 'opensearch-project/opensearch-neural-sparse-encoding-doc-v3-distill', undefined, words(distil), none, 'Apache-2.0'],
  ['opensearch-neural-sparse-encoding-multilingual-v1', 'opensearch-project/opensearch-neural-sparse-encoding-multilingual-v1', undefined, words(base), none, 'Apache-2.0'],
  ['granite-embedding-30m-sparse', 'ibm-granite/granite-embedding-30m-sparse', undefined, words({ ...small, layers: 6 }), none, 'Apache-2.0'],
];

// biome-ignore format: a table
const multi: readonly Row[] = [
  ['colbertv2.0', 'colbert-ir/colbertv2.0', undefined, tokens(base, 128), none, 'MIT'],
  ['answerai-colbert-small-v1', 'answerdotai/answerai-colbert-small-v1', undefined, tokens(small, 96), none, 'Apache-2.0'],
  ['jina-colbert-v2', 'jinaai/jina-colbert-v2', undefined, tokens({ ...large, architecture: 'jina-bert-v3' }, 128, 8192), none, 'CC-BY-NC-4.0'],
  ['GTE-ModernColBERT-v1', 'lightonai/GTE-ModernColBERT-v1', undefined, tokens({ architecture: 'modern-bert', layers: 22, dimensions: 768 }, 128, 8192), none, 'Apache-2.0'],
  ['LFM2-ColBERT-350M', 'LiquidAI/LFM2-ColBERT-350M', undefined, tokens({ architecture: 'lfm2', layers: 16, dimensions: 1024 }, 128, 32768), none, 'LFM-1.0'],
];

const expand =
  (kind: KnownModel['kind']) =>
  ([name, original, gguf, shape, prompts, license]: Row): KnownModel => ({
    name,
    kind,
    original,
    gguf,
    ...shape,
    prompts,
    license,
  });

/** The table, embedders first, then rerankers. */
export const knownModels: readonly KnownModel[] = [
  ...embedders.map(expand('embedder')),
  ...rerankers.map(expand('reranker')),
  ...sparse.map(expand('sparse')),
  ...multi.map(expand('multi')),
];

/** The model offered if the user names none: small, with a free licence. Its GGUF file has `DEFAULT_MODEL_BYTES`. */
export const DEFAULT_MODEL = 'bge-small-en-v1.5';
export const DEFAULT_MODEL_BYTES = 36_700_000;

/** What the metadata of a file says. */
export interface FileTraits {
  /** Names that the file goes by: `general.name`, its path. */
  readonly names: readonly string[];
  readonly architecture: string;
  readonly layers: number;
  readonly dimensions: number;
}

/**
 * The known model in a file: it has the same architecture and size, and one of the file's names contains its name. The longest
 * name wins, so that `bge-base-en-v1.5` is not taken for an older version.
 */
export function findKnownModel({ names, architecture, layers, dimensions }: FileTraits): KnownModel | undefined {
  const plainNames = names.map(plainName);
  const fitting = knownModels.filter(
    (known) =>
      known.architecture === architecture &&
      known.layers === layers &&
      known.dimensions === dimensions &&
      plainNames.some((name) => name.includes(plainName(known.name))),
  );
  return fitting.toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** Only letters and digits, because files spell the same name in many ways. */
function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
