/**
 * @file gguf-embed: text embeddings and reranking from GGUF files.
 *
 * ```ts
 * import { Embedder } from 'gguf-embed';
 *
 * const embedder = await Embedder.load('all-MiniLM-L6-v2-Q8_0.gguf');
 * const { vectors } = await embedder.embed(['a text', 'another one']);
 * await embedder.dispose();
 * ```
 *
 * Everything exported here is the public API and follows semantic versioning. Files below are internal.
 */
export * from './engine/index.ts';
export { type ByteSource, GgufError, type GgufFile, type Metadata, openGguf, type TensorInfo } from './gguf/index.ts';
export { HubError, type HubErrorCode } from './hub/errors.ts';
export { type ModelUrlsOptions, modelUrls } from './hub/model-urls.ts';
export type { HubOptions } from './hub/options.ts';
export { ModelError, type Pooling } from './models/index.ts';
export type { BackendName, Precision } from './tensor/backend.ts';
export type { Observer } from './tensor/ops.ts';
export { type DecodeOptions, type EncodeOptions, type Tokenizer, TokenizerError } from './tokenizer/index.ts';
