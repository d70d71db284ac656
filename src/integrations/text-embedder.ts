/**
 * @file What the adapters for embedding models share: their options, the prompts of the two sides of a search, and vectors as lists of
 * numbers.
 */
import { check, nested, type OptionTable, readOptions } from '../check-options.ts';
import { Embedder } from '../engine/embedder.ts';
import { InputError, optionError } from '../engine/errors.ts';
import type { Prompt } from '../engine/index.ts';
import { embedOptions } from '../engine/inputs/call-options.ts';
import { isPrompt, PROMPT_FORMS } from '../engine/inputs/prompts.ts';
import { loadOptions } from '../engine/load/load-options.ts';
import type { ModelSource } from '../engine/load/source.ts';
import type { ModelInfo } from '../engine/model-info.ts';
import type { EmbedOptions, LoadOptions } from '../engine/types.ts';
import { ModelOnDemand } from './model-on-demand.ts';

/** The two sides of a search: what is looked for, and what is found. */
export type Side = 'query' | 'document';

/** Prompts around what is embedded. A side that is not given has the prompt of `ModelInfo.prompts`; `''` is none. */
export type Prompts = { readonly [Name in Side]?: Prompt | undefined };

/** Options of the adapters for embedding models. */
export interface TextEmbedderOptions
  extends Pick<EmbedOptions, 'pooling' | 'normalize' | 'dimensions' | 'truncate' | 'client' | 'signal'> {
  /** Default: the model's own prompts for `query` and `document`, if it is one of docs/models.md. */
  readonly prompts?: Prompts | undefined;
  /** How to load a model that is given by its source. */
  readonly load?: LoadOptions | undefined;
}

/** Vectors of texts, and the number of tokens of all of them. */
interface TextVectors {
  readonly vectors: number[][];
  readonly nTokens: number;
}

const prompt = check(isPrompt, PROMPT_FORMS);
const { pooling, normalize, dimensions, truncate, client, signal } = embedOptions;

/** What each option may be. */
export const textEmbedderOptions: OptionTable<TextEmbedderOptions> = {
  pooling,
  normalize,
  dimensions,
  truncate,
  client,
  signal,
  prompts: nested<Prompts>({ query: prompt, document: prompt }),
  load: nested(loadOptions),
};

/** An embedding model with the options of an adapter. */
export class TextEmbedder {
  readonly #model: ModelOnDemand<Embedder>;
  readonly #options: TextEmbedderOptions;

  /**
   * @param where names the adapter in messages
   * @throws InputError for an invalid model or option
   */
  constructor(where: string, model: Embedder | ModelSource, given: TextEmbedderOptions) {
    this.#options = readOptions(where, given, textEmbedderOptions, optionError);
    this.#model = new ModelOnDemand(where, model, {
      name: 'an Embedder',
      isLoaded: (value): value is Embedder => value instanceof Embedder,
      load: (source) => Embedder.load(source, this.#options.load),
    });
  }

  /**
   * One vector for each text, `[texts.length][dimensions]`. All texts go into one call, and the engine packs them into batches.
   * @param side puts its prompt around each text; `undefined` puts nothing
   * @param signal default: the one of the options
   * @throws what `Embedder.load` and `Embedder.embed` throw; InputError for a pooling without one vector for each text
   */
  async embed(texts: readonly string[], side: Side | undefined, signal = this.#options.signal): Promise<TextVectors> {
    if (texts.length === 0) return { vectors: [], nTokens: 0 };
    const { prompts, load, ...options } = this.#options;
    const embedder = await this.#model.get(signal);
    checkPooling(embedder.info, options.pooling);
    const prompt = side === undefined ? undefined : (prompts?.[side] ?? embedder.info.prompts[side]);
    const { vectors, nTokens } = await embedder.embed(texts, { ...options, prompt, signal });
    return {
      vectors: vectors.map((vector) => Array.from(vector)),
      nTokens: nTokens.reduce((sum, count) => sum + count, 0),
    };
  }

  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#model.dispose();
  }
}

function checkPooling({ name, pooling: own }: ModelInfo, given: TextEmbedderOptions['pooling']): void {
  const used = given ?? own;
  if (used !== 'none' && used !== 'rank') return;
  const gives = used === 'none' ? 'a vector for each token' : 'scores';
  throw new InputError('option', `${name} gives ${gives} with ${used} pooling: set pooling to mean, cls or last`);
}
