/**
 * @file The public description of a loaded model, `Embedder.info`.
 */
import type { PromptsByName } from '../hub/known-prompts.ts';
import type { ListwiseSettings, Pooling, RankOutputs } from '../models/index.ts';
import type { BackendName, Precision } from '../tensor/backend.ts';
import type { mediaPoolings } from './images/options.ts';
import type { AdapterInfo } from './lora.ts';
import type { OutputKind } from './types.ts';

/** Describes a loaded vision tower. */
export interface VisionInfo {
  /** `clip.projector_type`. */
  readonly projector: string;
  /** Name of the source (usually the path). */
  readonly source: string;
  readonly mediaPooling: (typeof mediaPoolings)[number];
}

/** Describes a loaded model. */
export interface ModelInfo {
  /** `general.name`, or the file's name. */
  readonly name: string;
  /** Name of the source (usually the path). */
  readonly source: string;
  readonly architecture: string;
  /** llama.cpp's description of the file type, e.g. `Q8_0`. */
  readonly ftype: string;
  /** `tokenizer.ggml.model`: bert, gpt2, llama, t5… */
  readonly tokenizer: string;
  readonly nVocab: number;
  /** Context in use, and the context that the model was trained with. */
  readonly nCtx: number;
  readonly nCtxTrain: number;
  /** Most tokens in one packed batch. */
  readonly nUbatch: number;
  readonly nEmbd: number;
  /** Dimensions of a vector from `embed` without the option `dimensions`. */
  readonly nEmbdOut: number;
  readonly nLayer: number;
  readonly nParams: number;
  /** Bytes of all tensors. */
  readonly size: number;
  readonly pooling: Pooling;
  /** Whether the tokens of prompts are pooled. Inputs of token ids whose prompt is not need `EmbedOptions.poolFrom`. */
  readonly poolsPrompt: boolean;
  /** The kinds of results that `embed` gives. */
  readonly outputs: readonly OutputKind[];
  /** Whether queries and documents have different results: other layers over pooled vectors, or weights of query tokens. */
  readonly hasInputTypes: boolean;
  /** Labels of a classifier head; empty without one. */
  readonly labels: readonly string[];
  /** What pooling `rank` returns; `undefined` for a file without a classifier. */
  readonly rankOutputs: RankOutputs | undefined;
  /**
   * What the score of a document is in late interaction: the sum of the largest products of the query's vectors, or their mean. `undefined`
   * for a model without vectors of tokens.
   */
  readonly maxSim: 'sum' | 'mean' | undefined;
  /** How a reranker lays out a list of documents that it ranks in one text; `undefined` for others. */
  readonly listwise: ListwiseSettings | undefined;
  /** Dimensions of a vector of a token, if `embed` has the output `multi`. */
  readonly nEmbdToken: number | undefined;
  /**
   * Prompts by their names, for `EmbedOptions.promptName`: those of `load`, and those that the model was trained with, by purpose: `query`,
   * `document`… Empty if there are none and the model has none or is not listed in docs/models.md.
   */
  readonly prompts: PromptsByName;
  /** The vision tower; `undefined` for a model that takes only texts. */
  readonly vision: VisionInfo | undefined;
  /** The LoRA adapters that the model was loaded with. */
  readonly adapters: readonly AdapterInfo[];
  readonly backend: BackendName;
  /** One line about the backend. */
  readonly backendDescription: string;
  readonly precision: Precision;
  readonly threads: number;
}
