/**
 * @file The engine: the public API of the library.
 */

export {
  GpuDeviceLostError,
  GpuError,
  GpuOutOfMemoryError,
  GpuShaderError,
  GpuUnavailableError,
} from '../kernels/webgpu/errors.ts';
export { Embedder } from './embedder.ts';
export { ContextSizeError, InputError, type InputErrorCode } from './errors.ts';
export { type Ranked, type Ranking, type RankOptions, Reranker, type ScoreScale } from './reranker.ts';
export type { ModelSource } from './source.ts';
export { loadTokenizer } from './tokenizer.ts';
export type { Trace, TraceOptions, TraceStep } from './trace.ts';
export type {
  BatchReport,
  Embeddings,
  EmbedInput,
  EmbedOptions,
  GpuOptions,
  LoadOptions,
  ModelInfo,
  OpProfile,
  Progress,
  TokenizeOptions,
  TuningCache,
} from './types.ts';
