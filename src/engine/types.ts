/**
 * @file The public types of the engine: what goes into `Embedder.load` and `embed`, and what comes out.
 */
import type { Pooling, RankOutputs } from '../models/index.ts';
import type { BackendName, Precision } from '../tensor/backend.ts';
import type { Observer } from '../tensor/ops.ts';

/** How far a long operation has come. */
export interface Progress {
  /** `load`: bytes of weights; `embed`: tokens. */
  readonly stage: 'load' | 'embed';
  readonly done: number;
  readonly total: number;
}

/** Time and work of one kind of operation. */
export interface OpProfile {
  /** `linear`, `attention`, `norm`… */
  readonly op: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Multiply-adds of products; 0 for the others. */
  readonly macs: number;
}

/** What one computed batch was. */
export interface BatchReport {
  readonly nTokens: number;
  readonly nInputs: number;
  /** From handing it over to having its values. */
  readonly seconds: number;
}

/** Where results of the search for the fastest GPU kernels are kept between two loads: text by key. */
export interface TuningCache {
  /** What was written under `key` last; `undefined` for nothing. */
  read(key: string): Promise<string | undefined>;
  write(key: string, text: string): Promise<void>;
}

/** How the webgpu backend can hold quantised matrices. */
export const gpuWeightForms = ['quantised', 'f16'] as const;

/** Options of the webgpu backend. */
export interface GpuOptions {
  /** Most bytes of GPU memory to hold. Default: as much as the adapter gives. */
  readonly memory?: number;
  /** `f16`: expand quantised matrices when they are loaded: faster on some GPUs, two bytes a weight. Default `quantised`. */
  readonly weights?: (typeof gpuWeightForms)[number];
  /** Search for the fastest kernels at first use. Default true; never on software adapters. */
  readonly autotune?: boolean;
  /** Where to keep what was found. Default: a file in the user's cache folder, in browsers nowhere. `false`: nowhere. */
  readonly tuningCache?: TuningCache | false;
  /** Run each kernel by itself and check it, so that an error names the operation. Slow. */
  readonly debug?: boolean;
}

/** Options of `Embedder.load`. */
export interface LoadOptions {
  /** Default `auto`: webgpu on a real GPU, else wasm, else reference. */
  readonly backend?: BackendName | 'auto';
  /** Compute threads of the wasm backend. Default: the CPUs that this process may use, at most 8. More than one need workers. */
  readonly threads?: number;
  /** Default `high`. */
  readonly precision?: Precision;
  /**
   * Use V8's 256-bit packing of WebAssembly SIMD where the runtime has it (Node 24 and newer on x86-64): faster, but it
   * switches an experimental flag on for the whole process. Default false; the command line turns it on.
   */
  readonly packing?: boolean;
  /**
   * Keep the weights in the blocks of the file and unpack them at each use, on the wasm backend: as little memory as the
   * file, but slower on short batches. Default: only when they would take more than 1 GiB unpacked.
   */
  readonly keepBlocks?: boolean;
  /** How the webgpu backend uses the GPU; the other backends take no notice. */
  readonly gpu?: GpuOptions;
  /** Context in tokens; default and maximum: the model's own (a larger value counts as that one). */
  readonly nCtx?: number;
  /** Most tokens in one packed forward; a single longer input is still run whole. Default 512. */
  readonly nUbatch?: number;
  /** Pooling when `embed` names none; default: what the file says, else `none`. */
  readonly pooling?: Pooling;
  /** Refuse a file without a classifier before its weights are read. Default false; `Reranker.load` does. */
  readonly requireClassifier?: boolean;
  /** Compute in a worker, off the calling thread. Default true where the runtime has workers. */
  readonly worker?: boolean;
  /**
   * Where the module that workers run lies: a bundle of `gguf-embed/worker`. For bundlers that do not make one of
   * `new Worker(new URL(…, import.meta.url))` by themselves. Default: the one that comes with the package.
   */
  readonly workerUrl?: string | URL;
  /** Collect the time of each operation for `Embedder.profile` (wasm backend only). Default false. */
  readonly profile?: boolean;
  /** Called after each computed batch, for statistics. What it throws, the calls that had inputs in the batch reject with. */
  readonly onBatch?: (batch: BatchReport) => void;
  /**
   * Called with one sentence for a log when something went wrong that was put right (a lost GPU, a damaged cache file), or when the
   * file lacks a part of the original model, so that scores differ from those. What it throws is an uncaught error of the program, as in
   * an event listener.
   */
  readonly onWarning?: (message: string) => void;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** One input: a text, token ids taken as they are, or texts and ids mixed (as llama-server takes them). */
export type EmbedInput = string | readonly number[] | Int32Array | readonly (string | number)[];

/** Where an input that is too long can be cut. */
export const truncateSides = ['start', 'end'] as const;

/** Scales of the scores of `rank`; `ScoreScale` says what they are. */
export const scoreScales = ['raw', 'logit', 'probability'] as const;

/** Options of `embed`. */
export interface EmbedOptions {
  /** Overrides the pooling of `load`. */
  readonly pooling?: Pooling;
  /**
   * llama.cpp's `embd_normalize`: -1 none, 0 largest value scaled to 32760, 1 taxicab, 2 euclidean (default), p: p-norm.
   * Token vectors (`pooling: 'none'`) and scores are normalised only when this is given.
   */
  readonly normalize?: number;
  /** Fewer: cut (Matryoshka) and normalise again; more: padded with zeros. Default: the model's own. */
  readonly dimensions?: number;
  /** Cut an input that is longer than the context instead of refusing it. Default false. `true` cuts at the end. */
  readonly truncate?: boolean | (typeof truncateSides)[number];
  /**
   * For inputs that are pairs: the token at which the second text of each begins. Models that know token types (files with
   * `gguf_embed.pair_token_types`) give the tokens from there on type 1; others take no notice. Not together with `truncate`.
   */
  readonly pairStarts?: readonly number[];
  /** Whom to count this call to: clients share the machine equally, however many calls each makes. Default: this call alone. */
  readonly client?: string;
  /** Called before anything is computed with how many values the vectors will have together; what it throws, `embed` throws. */
  readonly onSize?: (nValues: number) => void;
  /** Sees every named step of the forward, in order, before `embed` resolves. What it throws, `embed` rejects with. */
  readonly observer?: Observer;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** The answer of `embed`, in the order of the inputs. */
export interface Embeddings {
  /** One vector an input; with pooling `none` the vectors of all its tokens end to end, `[nTokens, dimensions]` row-major. */
  readonly vectors: Float32Array[];
  /** Values in one vector. */
  readonly dimensions: number;
  /** Tokens of each input, special tokens included, after truncation. */
  readonly nTokens: number[];
  /** Which inputs were cut. */
  readonly truncated: boolean[];
  readonly pooling: Pooling;
}

/** What a loaded model is. */
export interface ModelInfo {
  /** `general.name`, or the file's name. */
  readonly name: string;
  /** Name of the source (usually the path). */
  readonly source: string;
  readonly architecture: string;
  /** `file_type` in words as llama.cpp prints it, e.g. `Q8_0`. */
  readonly ftype: string;
  /** `tokenizer.ggml.model`: bert, gpt2, llama, t5… */
  readonly tokenizer: string;
  readonly nVocab: number;
  /** Context in use, and the one the model was trained with. */
  readonly nCtx: number;
  readonly nCtxTrain: number;
  readonly nEmbd: number;
  /** Width of what `embed` returns without `dimensions`. */
  readonly nEmbdOut: number;
  readonly nLayer: number;
  readonly nParams: number;
  /** Bytes of all tensors. */
  readonly size: number;
  readonly pooling: Pooling;
  /** Labels of a classifier head; empty without one. */
  readonly labels: readonly string[];
  /** What pooling `rank` gives; `undefined` for a file without a classifier. */
  readonly rankOutputs: RankOutputs | undefined;
  readonly backend: BackendName;
  /** One line about the backend. */
  readonly backendDescription: string;
  readonly precision: Precision;
  readonly threads: number;
}

/** Options of `tokenize`. */
export interface TokenizeOptions {
  /** Add BOS/CLS and EOS/SEP as the model does. Default true. */
  readonly addSpecial?: boolean;
  /** Read the text of special tokens as tokens. Default true. */
  readonly parseSpecial?: boolean;
}
