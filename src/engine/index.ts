/**
 * @file The engine: the public API of the library.
 */

export type { Prompt, PromptLayout } from '../hub/known-prompts.ts';
export { ImageError, type ImageProblem } from '../image/errors.ts';
export type { ImageLimits } from '../image/limits.ts';
export {
  GpuDeviceLostError,
  GpuError,
  GpuOutOfMemoryError,
  GpuShaderError,
  GpuUnavailableError,
} from '../kernels/webgpu/errors.ts';
export { type Chunk, type ChunkOptions, chunk } from './chunks/chunk.ts';
export type { ChunkEmbeddings, EmbedChunksOptions, EmbeddedChunk } from './chunks/embed-chunks.ts';
export { Embedder } from './embedder.ts';
export { ContextSizeError, InputError, type InputErrorCode } from './errors.ts';
export type { GpuOptions, TuningCache } from './gpu/options.ts';
export type { ImageSource, RgbaPixels } from './images/image-source.ts';
export type { ImageOptions } from './images/options.ts';
export type { ContentPart, MarkedText, MediaInput } from './images/parts.ts';
export type { ModelSource } from './load/source.ts';
export { loadTokenizer } from './load/tokenizer.ts';
export type { AdapterChoice, AdapterInfo, LoraScale, LoraSource } from './lora.ts';
export type { ModelInfo, VisionInfo } from './model-info.ts';
export { maxSim, toInt8 } from './outputs/max-sim.ts';
export { type Ranked, type RankInput, type Ranking, Reranker } from './rerank/reranker.ts';
export type { Trace, TracedImage, TraceOptions, TraceStep } from './trace/trace.ts';
export type {
  BatchReport,
  Embeddings,
  EmbedInput,
  EmbedOptions,
  InputType,
  LoadOptions,
  OpProfile,
  OutputKind,
  Progress,
  RankOptions,
  ScoreScale,
  SparseVector,
  TokenizeOptions,
  TokenVectors,
} from './types.ts';
