/**
 * @file `Embedder`: a loaded model that turns texts into vectors.
 */
import { readOptions } from '../check-options.ts';
import { closeUnused, type Metadata } from '../gguf/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { Runner } from './batching/runner.ts';
import type { Scheduler } from './batching/scheduler.ts';
import {
  type ChunkEmbeddings,
  type EmbedChunksOptions,
  embedChunks,
  embedChunksOptions,
} from './chunks/embed-chunks.ts';
import { InputError, optionError } from './errors.ts';
import { computePlans } from './images/compute-plans.ts';
import { planInputs, type Vision } from './images/plan.ts';
import { vectorWidth } from './info.ts';
import { embedOptions, tokenizeOptions, traceOptions } from './inputs/call-options.ts';
import { encodeInput, listInputs } from './inputs/inputs.ts';
import { inputTypeOf, promptOf } from './inputs/prompts.ts';
import { checkTokenPositions } from './inputs/token-positions.ts';
import { choosePlace, startThreads } from './load/backend.ts';
import { type EmbedderParts, loadParts } from './load/load-embedder.ts';
import { hubOptions } from './load/load-listeners.ts';
import { loadOptions } from './load/load-options.ts';
import { closeFiles, type ModelFiles, openFiles, readHeaders } from './load/open-model.ts';
import type { ModelSource } from './load/source.ts';
import { type AdapterChoice, appliedScales, chooseAdapters, type LoraScale, loraScales, scalesOf } from './lora.ts';
import type { ModelInfo } from './model-info.ts';
import { embedOutputs } from './outputs/embed-outputs.ts';
import { DEFAULT_NORMALIZE, normalizeOf } from './outputs/normalize.ts';
import { type OutputHeads, pooledResult } from './outputs/passes.ts';
import { sideOf } from './outputs/sides.ts';
import type { Team } from './team/team.ts';
import type { Trace, TraceOptions } from './trace/trace.ts';
import { traceInput } from './trace/trace-input.ts';
import type { Embeddings, EmbedInput, EmbedOptions, LoadOptions, OpProfile, TokenizeOptions } from './types.ts';

/**
 * A loaded embedding model.
 *
 * ```ts
 * const embedder = await Embedder.load('model.gguf');
 * const { vectors } = await embedder.embed(['a text', 'another one']);
 * await embedder.dispose();
 * ```
 */
export class Embedder {
  /** Describes the model and the backend. */
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  /** The metadata of the file. */
  readonly metadata: Metadata;
  readonly #runner: Runner;
  readonly #scheduler: Scheduler;
  /** Whether the model uses token types for pairs; otherwise batches carry none. */
  readonly #hasPairTypes: boolean;
  readonly #vision: Vision | undefined;
  readonly #heads: OutputHeads;
  readonly #files: ModelFiles | undefined;
  #scales: readonly number[];
  #disposed: Promise<void> | undefined;

  private constructor(parts: EmbedderParts) {
    this.info = parts.info;
    this.tokenizer = parts.tokenizer;
    this.metadata = parts.metadata;
    this.#runner = parts.runner;
    this.#scheduler = parts.scheduler;
    this.#hasPairTypes = parts.hasPairTypes;
    this.#vision = parts.vision;
    this.#scales = parts.scales;
    this.#heads = parts.heads;
    this.#files = parts.files;
  }

  /**
   * Loads a model, and the vision tower that belongs to it. The sources are read once and closed, but for files whose tables are read on
   * demand (`rowsOnDemand`), which `dispose` closes.
   * @throws GgufError if a file cannot be read, HubError if it cannot be downloaded, ModelError if its model is not supported or the vision
   *   tower does not belong to it, TokenizerError if its tokenizer is not supported, InputError for invalid options, the signal's reason, or
   *   the error of the backend
   */
  static async load(source: ModelSource, given: LoadOptions = {}): Promise<Embedder> {
    const options = readOptions('Embedder.load', given, loadOptions, optionError);
    options.signal?.throwIfAborted();
    const place = await choosePlace(options);
    const files = await openFiles(source, options, hubOptions(options));
    let team: Team | undefined;
    let embedder: Embedder | undefined;
    try {
      team = startThreads(place, options, files);
      const opened = await readHeaders(files, options);
      // The signal is for this load; it may be aborted long after.
      const later = hubOptions({ ...options, signal: undefined });
      const reopen = async () => readHeaders(await openFiles(source, options, later), options);
      embedder = new Embedder(await loadParts(files, opened, { place, team, reopen }, options));
      if (embedder.#files === undefined) await closeFiles(files);
      return embedder;
    } catch (error) {
      await (embedder ?? team)?.dispose();
      await closeFiles(files, closeUnused);
      throw error;
    }
  }

  /** Number of inputs of all calls that wait to be computed. */
  get nWaiting(): number {
    return this.#scheduler.nWaiting;
  }

  /** Why the embedder can no longer compute: a worker died, or the GPU was lost for good. Load the model again. */
  get failure(): Error | undefined {
    return this.#runner.failure;
  }

  /** The scales of the LoRA adapters for calls that give none, in the order of `load`. */
  get lora(): LoraScale[] {
    return this.#scales.map((scale, id) => ({ id, scale }));
  }

  /**
   * Changes the scales of the LoRA adapters for later calls that give none; adapters that the list does not name get 0.
   * @throws InputError for what is no list, an adapter that does not exist, or a scale that is not finite
   */
  setLora(lora: readonly LoraScale[]): void {
    // An option that is undefined would count as not given.
    const given = { lora: lora ?? null };
    const { lora: scales = [] } = readOptions<Pick<EmbedOptions, 'lora'>>(
      'setLora',
      given,
      { lora: loraScales },
      optionError,
    );
    this.#scales = scalesOf(this.info.adapters.length, scales);
  }

  /** Number of tokens of these inputs. */
  get nWaitingTokens(): number {
    return this.#scheduler.nWaitingTokens;
  }

  /**
   * Computes the vectors of one or many inputs. An array without numbers is a list of inputs; anything else is one input.
   * Concurrent calls share batches; the vector of a text never depends on the other inputs of its batch.
   *
   * @throws InputError for an invalid input or option (ContextSizeError if an input is too long); then nothing is
   *   computed. The signal's reason if it is aborted; inputs that have not started are dropped. ModelError for results that are NaN or infinite,
   *   or nothing but zeros.
   */
  async embed(input: EmbedInput | readonly EmbedInput[], given: EmbedOptions = {}): Promise<Embeddings> {
    const options = readOptions('embed', given, embedOptions, optionError);
    const { pooling = this.info.pooling, normalize, client, observer, signal } = options;
    this.#assertUsable();
    const { adapters, promptPrefix } = this.#choose(options);
    const prompt = promptOf(options, this.info) ?? promptPrefix;
    const poolingWidth = vectorWidth(this.#heads, pooling, this.info.name);
    const computing = { scheduler: this.#scheduler, vision: this.#vision };
    const inputs = listInputs(input);
    checkTokenPositions(options, inputs.length);
    const { output = ['dense'], inputType = inputTypeOf(options.promptName) } = options;
    const side = sideOf(this.info, this.#heads, { ...options, inputType });
    const result = pooledResult(pooling, this.#heads, inputType);
    const plans = await this.#plan(inputs, { ...options, prompt, side });
    const isLate = plans.some(({ pooledFrom }) => pooledFrom !== undefined);
    const pairStarts = this.#hasPairTypes ? options.pairStarts : undefined;
    const vectors = await embedOutputs(
      {
        info: this.info,
        tokenizer: this.tokenizer,
        heads: isLate ? { ...this.#heads, poolsHidden: false } : this.#heads,
        compute: (plans, pooling, onTokens) =>
          computePlans(computing, plans, { pairStarts, pooling, adapters, client, observer, signal, onTokens }),
      },
      plans,
      {
        ...options,
        inputType,
        output,
        pooling: result,
        width: poolingWidth,
        normalize: normalize ?? normalizeOf(pooling),
        normalizeTokens: normalize ?? DEFAULT_NORMALIZE,
      },
    );
    return {
      ...vectors,
      nTokens: plans.map(({ nTokens }) => nTokens),
      nImageTokens: plans.map(({ nImageTokens }) => nImageTokens),
      truncated: plans.map(({ truncated }) => truncated),
      pooling,
    };
  }

  /**
   * Cuts a text into chunks at the ends of sentences and at the marks of Markdown, and computes their vectors; with `late`, those of
   * tokens that have seen the whole text.
   * @throws InputError for an invalid option, ContextSizeError for `late` and a text that is longer than the context, the signal's reason
   */
  async embedChunks(text: string, options: EmbedChunksOptions = {}): Promise<ChunkEmbeddings> {
    const { tokenizer, info } = this;
    const embed = this.embed.bind(this);
    const { hasSentenceLayers } = this.#heads;
    return embedChunks(
      { tokenizer, info, hasSentenceLayers, embed },
      text,
      readOptions('embedChunks', options, embedChunksOptions, optionError),
    );
  }

  /**
   * Every named intermediate of one input: what `embed` computes to get its vector. The names are llama.cpp's. A list of parts (texts and
   * images) must be inside a list, as for `embed`.
   * @throws InputError for an invalid input or option, as `embed`; the signal's reason
   */
  async trace(input: EmbedInput | readonly [EmbedInput], options: TraceOptions = {}): Promise<Trace> {
    const {
      only,
      normalize,
      truncate,
      pooling = this.info.pooling,
      onProgress,
      signal,
      ...choice
    } = readOptions('trace', options, traceOptions, optionError);
    this.#assertUsable();
    const { adapters, promptPrefix } = this.#choose(choice);
    vectorWidth(this.#heads, pooling, this.info.name);
    const inputs = listInputs(input);
    if (inputs.length !== 1) throw new InputError('shape', `trace takes one input, not ${inputs.length}`);
    const prompt = promptOf(choice, this.info) ?? promptPrefix;
    const { inputType = inputTypeOf(choice.promptName) } = choice;
    const [plan] = await this.#plan(inputs, { truncate, prompt, signal });
    return traceInput(plan, {
      info: this.info,
      tokenizer: this.tokenizer,
      scheduler: this.#scheduler,
      vision: this.#vision,
      pooling,
      result: pooledResult(pooling, this.#heads, inputType),
      normalize: normalize ?? normalizeOf(pooling),
      only,
      adapters,
      onProgress,
      signal,
    });
  }

  /** The scales of a call's adapters, as a batch takes them, and what goes before its texts. */
  #choose(choice: AdapterChoice): { adapters: readonly number[] | undefined; promptPrefix?: string } {
    const chosen = chooseAdapters(this.info.adapters, choice);
    const scales = chosen?.lora === undefined ? this.#scales : scalesOf(this.info.adapters.length, chosen.lora);
    return { adapters: appliedScales(scales), promptPrefix: chosen?.promptPrefix };
  }

  /** Plans inputs, and checks that they can be computed. */
  async #plan(inputs: readonly EmbedInput[], given: Omit<Parameters<typeof planInputs>[2], 'poolsPrompt'>) {
    const { name, nCtx, poolsPrompt } = this.info;
    const options = { ...given, poolsPrompt };
    const plans = await planInputs({ tokenizer: this.tokenizer, nCtx, name, vision: this.#vision }, inputs, options);
    this.#assertUsable();
    return plans;
  }

  /**
   * Time by operation since the model was loaded, largest first; with several workers, that of the first.
   * @throws InputError unless the model was loaded with `profile: true` on the wasm backend
   */
  async profile(): Promise<OpProfile[]> {
    this.#assertUsable();
    return this.#runner.profile();
  }

  /**
   * Token ids of a text, or of texts and ids mixed.
   * @throws InputError for another type or an id outside the vocabulary
   */
  tokenize(input: EmbedInput, options: TokenizeOptions = {}): number[] {
    return Array.from(
      encodeInput(this.tokenizer, input, 0, readOptions('tokenize', options, tokenizeOptions, optionError)),
    );
  }

  /**
   * The text of token ids, special tokens included.
   * @throws TokenizerError for an id outside the vocabulary
   */
  detokenize(ids: Iterable<number>): string {
    return this.tokenizer.decodePieces(ids);
  }

  /**
   * Frees the model and ends its workers. Waiting calls reject; the current batch finishes. Safe to call twice.
   */
  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      await this.#scheduler.close(new Error('the embedder was disposed before this was computed'));
      await Promise.all([this.#runner.dispose(), this.#vision?.encoder.dispose()]);
      if (this.#files !== undefined) await closeFiles(this.#files);
    })();
    return this.#disposed;
  }

  #assertUsable(): void {
    if (this.#disposed !== undefined) throw new Error('this embedder is disposed: load the model again');
  }
}
