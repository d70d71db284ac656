/**
 * @file The public types of the engine: options and results of `Embedder.load` and `embed`.
 */
import type { MetadataValue } from '../gguf/index.ts';
import type { Prompt, PromptsByName } from '../hub/known-prompts.ts';
import type { HubOptions } from '../hub/options.ts';
import type { Pooling, RopeSettings } from '../models/index.ts';
import type { BackendName, Precision } from '../tensor/backend.ts';
import type { Observer } from '../tensor/ops.ts';
import type { GpuOptions } from './gpu/options.ts';
import type { ImageOptions, mediaPoolings } from './images/options.ts';
import type { MediaInput } from './images/parts.ts';
import type { ModelSource } from './load/source.ts';
import type { AdapterChoice, LoraScale, LoraSource } from './lora.ts';

/** Progress of a long operation. */
export interface Progress {
  /** `download`: bytes of files; `load`: bytes of weights; `embed`: tokens. */
  readonly stage: 'download' | 'load' | 'embed';
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

/** Statistics of one computed batch. */
export interface BatchReport {
  readonly nTokens: number;
  readonly nInputs: number;
  /** Images in a batch of the vision tower, whose tokens are then counted. 0 for a batch of texts. */
  readonly nImages: number;
  /** From submitting the batch to receiving its values. */
  readonly seconds: number;
}

/** Options of `Embedder.load`. */
export interface LoadOptions {
  /** The file with the vision tower (`mmproj`) that belongs to the model, for inputs with images. */
  readonly mmproj?: ModelSource | undefined;
  /** How to read images and resize them for the tower. */
  readonly images?: ImageOptions | undefined;
  /** Most bytes of encoded images to cache, by the content of their files. Default 256 MiB. */
  readonly imageCache?: number | undefined;
  /**
   * The part of an input with images that pooling uses. `last-text`, the default: the text after the last image, as in llama.cpp: its
   * last token, its mean, its first token, or with `none` all its tokens. `whole`: the whole input, image tokens included.
   */
  readonly mediaPooling?: (typeof mediaPoolings)[number] | undefined;
  /** Default `auto`: webgpu on a real GPU, else wasm, else reference. */
  readonly backend?: BackendName | 'auto' | undefined;
  /** Compute threads of the wasm backend. Default: the CPUs that this process may use, at most 8. More than one needs workers. */
  readonly threads?: number | undefined;
  /** Default `high`. */
  readonly precision?: Precision | undefined;
  /**
   * Use V8's 256-bit packing of WebAssembly SIMD where the runtime has it (Node 24 and newer on x86-64): faster, but it
   * switches an experimental flag on for the whole process. Default false; the command line turns it on.
   */
  readonly packing?: boolean | undefined;
  /**
   * Compute without relaxed SIMD, so that the same input gives the same bits in every runtime and on every CPU. Needs the
   * wasm backend, which `auto` then means. Slower where the runtime has relaxed SIMD. Default false.
   */
  readonly reproducible?: boolean | undefined;
  /**
   * Keep the weights in the blocks of the file and unpack them at each use, on the wasm backend. Takes no more memory than
   * the file, but is slower for short batches. Default: only if they would take more than 1 GiB unpacked.
   */
  readonly keepBlocks?: boolean | undefined;
  /**
   * Leave the rows of large tables (token embeddings) in the file until a text needs them, which saves memory and a part of the load. The file
   * stays open and must not be written to; replacing it by another one of its name is fine. On the wasm backend in Node, for a plain file on
   * disk; everything else is read at once. Default true.
   */
  readonly rowsOnDemand?: boolean | undefined;
  /** How the webgpu backend uses the GPU; other backends ignore it. */
  readonly gpu?: GpuOptions | undefined;
  /**
   * Metadata to use instead of the file's, by key: `{ 'bert.pooling_type': 2 }`. Numbers become the type that the file has
   * under the key.
   */
  readonly overrides?: Readonly<Record<string, MetadataValue>> | undefined;
  /**
   * Texts of the tokens whose logits a language model compares to rank, as they are in its vocabulary: `['yes', 'no']`, whose score is the
   * probability of the first, or one, whose score is its logit. For files without a classifier; the pooling is then `rank`. Default: from the
   * file, or what is known of the model by its name.
   */
  readonly rankTokens?: readonly [positive: string, negative?: string] | undefined;
  /**
   * LoRA adapters: GGUF files of their own, each alone or with the scale at which calls without `lora` apply it (default 1). Their weights are
   * kept beside those of the model, so that every call can choose.
   */
  readonly lora?: readonly (ModelSource | LoraSource)[] | undefined;
  /** RoPE parameters to use instead of the file's. With them, `nCtx` may be larger than the context of the training. */
  readonly rope?: RopeSettings | undefined;
  /** Context in tokens; default and maximum: the model's own (a larger value counts as that one). */
  readonly nCtx?: number | undefined;
  /**
   * Most tokens in one packed batch; a single longer input still runs in one piece. Default 512, on a GPU
   * up to 8192, by the limits of the adapter and the size of the model.
   */
  readonly nUbatch?: number | undefined;
  /** Default pooling of `embed`; several, joined by `+` as `cls+mean`, are put side by side. Default: from the file, else `none`. */
  readonly pooling?: Pooling | undefined;
  /** Prompts by name, besides those that are known for the model. Those of the same name take their place. */
  readonly prompts?: PromptsByName | undefined;
  /** How to find models that are given by `hf:user/repo` or a URL. */
  readonly hub?: HubOptions | undefined;
  /**
   * Refuse a file that cannot rank before reading its weights: one with neither a classifier nor vectors of tokens. A file with a classifier gets
   * pooling `rank`, unless another is given. Default false; `Reranker.load` sets it.
   */
  readonly requireClassifier?: boolean | undefined;
  /**
   * Whether to compute in workers. Where the runtime has some, the default is in between for small models on the wasm backend in Node: the
   * calling thread loads the model and computes batches of up to 256 tokens until its workers are up, which start after the first batch; if they
   * cannot be started, it goes on, with a warning. With `true`, workers compute from the first batch on, and a worker that cannot be started
   * makes the load fail. On the calling thread, the wasm backend lets the event loop go on between two operations of a batch once it has computed
   * for 10 ms; one operation of a large model takes longer. The reference backend computes a batch in one piece.
   */
  readonly worker?: boolean | undefined;
  /**
   * URL of the module that workers run, a bundle of `gguf-embed/worker`. For bundlers that do not create one from
   * `new Worker(new URL(…, import.meta.url))`. Default: the module in the package.
   */
  readonly workerUrl?: string | URL | undefined;
  /** Collect the time of each operation for `Embedder.profile` (wasm backend only). Default false. */
  readonly profile?: boolean | undefined;
  /** Called after each computed batch, for statistics. If it throws, the calls with inputs in the batch reject with that error. */
  readonly onBatch?: ((batch: BatchReport) => void) | undefined;
  /**
   * Called with one sentence for a log after a problem that was handled (a lost GPU, a damaged cache file), if the
   * file lacks a part of the original model, so that scores differ, and when a download starts, waits or falls back to the
   * cache. An error that it throws is an uncaught error of the program, as in an event listener.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One input: a text, token ids (used unchanged), a mix of texts and ids, as in llama-server, or texts and images: a part, a list of
 * parts, or a text with a marker `<__media__>` for each of its images.
 */
export type EmbedInput = string | readonly number[] | Int32Array | readonly (string | number)[] | MediaInput;

/** The side at which an input that is too long is cut. */
export const truncateSides = ['start', 'end'] as const;

/** Scales of the scores of `rank`; `ScoreScale` explains them. */
export const scoreScales = ['raw', 'logit', 'probability'] as const;

/**
 * The scale of scores:
 *  - `raw`: as in llama.cpp: the first output of the head, which is a logit for BERT-like models, its tanh for
 *    jina-bert-v2 and the probability of "yes" for qwen3;
 *  - `logit`: the same for all models: any number, where 0 is undecided. With one output, that output (before a tanh); with
 *    several, ln(p / (1 − p)), where p is the share of the first in their softmax;
 *  - `probability`: 1 / (1 + e^−logit), from 0 to 1.
 *
 * The score of a listwise reranker is a cosine, and its probability is (1 + cosine) / 2.
 *
 * The score of late interaction is the sum of MaxSim, or for some models the mean over the vectors of the query (`ModelInfo.maxSim`). Its
 * probability is (1 + mean) / 2, which orders documents but was not trained as one.
 */
export type ScoreScale = (typeof scoreScales)[number];

/** Kinds of results of `embed`. */
export const outputKinds = ['dense', 'sparse', 'multi'] as const;

/**
 * A kind of result: `dense`, one vector; `sparse`, weights of tokens of the vocabulary; `multi`, a vector for each token, for late
 * interaction.
 */
export type OutputKind = (typeof outputKinds)[number];

/** What a text is in a search. */
export const inputTypes = ['query', 'document'] as const;
export type InputType = (typeof inputTypes)[number];

/** A sparse vector: the tokens with a weight, by ascending id. */
export interface SparseVector {
  /** Token ids; `Tokenizer.piece` gives their texts. */
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/** The vectors of the tokens of one text: float32 from `embed`, int8 from `toInt8`. */
export interface TokenVectors<Values extends Float32Array | Int8Array = Float32Array> {
  /** `[n, dimensions]`, row-major. */
  readonly values: Values;
  readonly dimensions: number;
}

/** Options of `embed`. */
export interface EmbedOptions extends AdapterChoice {
  /** The kinds of results, of those in `ModelInfo.outputs`. Default: `dense`. */
  readonly output?: readonly OutputKind[] | undefined;
  /**
   * Whether the inputs are queries or documents, for models that treat them differently (`ModelInfo.hasInputTypes`); it has no effect on
   * others. Default: what `promptName` says, else documents; for dense vectors, else the default of the file.
   */
  readonly inputType?: InputType | undefined;
  /** Add BOS/CLS and EOS/SEP around texts as the model does. Default true. */
  readonly addSpecial?: boolean | undefined;
  /** Overrides the pooling of `load`. */
  readonly pooling?: Pooling | undefined;
  /**
   * llama.cpp's `embd_normalize`: -1 none, 0 largest value scaled to 32760, 1 taxicab, 2 euclidean (default), p for the p-norm.
   * Token vectors (`pooling: 'none'`) and scores are normalised only if this is given. Of the other outputs, those of `multi` are normalised
   * in the same way, and sparse vectors never are.
   */
  readonly normalize?: number | undefined;
  /** Fewer than the model's cuts the vector (Matryoshka) and normalises it again; more pads it with zeros. Default: the model's own. */
  readonly dimensions?: number | undefined;
  /**
   * The prompt of this name (`ModelInfo.prompts`) goes around each input, except around token ids. `query` and `document` also say what
   * the inputs are, like `inputType`. Default: no prompt, which is also what `''` means.
   */
  readonly promptName?: string | undefined;
  /** A prompt to put around each input, in place of one that has a name. */
  readonly prompt?: Prompt | undefined;
  /**
   * Cut an input that is longer than the context instead of refusing it. Default false. `true` cuts the end. The prompt around a text stays
   * whole. Inputs with images are never cut. A ColBERT model cuts texts to the lengths that it was trained with.
   */
  readonly truncate?: boolean | (typeof truncateSides)[number] | undefined;
  /**
   * For inputs that are pairs: the token at which the second text of each begins. Models with token types for pairs (files
   * with `gguf_embed.pair_token_types`) give the tokens from there on type 1; others ignore it. Cannot be used with `truncate`.
   */
  readonly pairStarts?: readonly number[] | undefined;
  /**
   * For inputs of token ids: the token at which pooling of each begins, as sentence-transformers leaves prompts out with `include_prompt: false`.
   * For texts with a prompt, such models do so by themselves. It has no effect on pooling `last`, `none` and `rank`. Default: the first.
   */
  readonly poolFrom?: readonly number[] | undefined;
  /** The client that the call counts for. Clients share the machine equally, however many calls each makes. Default: the call is
   * a client of its own. */
  readonly client?: string | undefined;
  /** Called with the number of values of all vectors before anything is computed. If it throws, `embed` throws that error. */
  readonly onSize?: ((nValues: number) => void) | undefined;
  /** Sees every named step of the forward pass, in order, before `embed` resolves. If it throws, `embed` rejects with that error. */
  readonly observer?: Observer | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options of `rank`. */
export interface RankOptions {
  /** Return only this many of the best documents. Default: all. */
  readonly topN?: number | undefined;
  /** Default `raw`. */
  readonly scores?: ScoreScale | undefined;
  /** Cut the end of a document whose pair is longer than the context, instead of refusing it. Default false. */
  readonly truncate?: boolean | undefined;
  /** As in `EmbedOptions`. */
  readonly lora?: readonly LoraScale[] | undefined;
  readonly client?: string | undefined;
  /** Called with the number of values of vectors before they are computed. If it throws, `rank` throws that error. */
  readonly onSize?: ((nValues: number) => void) | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The result of `embed`, in the order of the inputs. */
export interface Embeddings {
  /**
   * One vector for each input; with pooling `none`, the vectors of all its tokens, `[nTokens, dimensions]` row-major. Empty if `output` does
   * not include `dense`.
   */
  readonly vectors: Float32Array[];
  /** One for each input, if `output` includes `sparse`. */
  readonly sparse?: SparseVector[];
  /** One for each input, if `output` includes `multi`. */
  readonly multi?: TokenVectors[];
  /** Values in one vector. */
  readonly dimensions: number;
  /** Tokens of each input, special tokens included, after truncation. */
  readonly nTokens: number[];
  /** How many of those tokens represent images. */
  readonly nImageTokens: number[];
  /** Whether each input was cut. */
  readonly truncated: boolean[];
  readonly pooling: Pooling;
}

/** Options of `tokenize`. */
export interface TokenizeOptions {
  /** Add BOS/CLS and EOS/SEP as the model requires. Default true. */
  readonly addSpecial?: boolean | undefined;
  /** Parse the text of special tokens as these tokens. Default true. */
  readonly parseSpecial?: boolean | undefined;
}
