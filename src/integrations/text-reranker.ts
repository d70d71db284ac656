/**
 * @file What the adapters for rerankers share: their options, and scores from 0 to 1 by default, as the frameworks have them from other
 * rerankers.
 */
import { nested, type OptionTable, readOptions } from '../check-options.ts';
import { optionError } from '../engine/errors.ts';
import { rankOptions } from '../engine/inputs/call-options.ts';
import { loadOptions } from '../engine/load/load-options.ts';
import type { ModelSource } from '../engine/load/source.ts';
import { type Ranked, Reranker } from '../engine/rerank/reranker.ts';
import type { LoadOptions, RankOptions } from '../engine/types.ts';
import { ModelOnDemand } from './model-on-demand.ts';

/** Options of the adapters for rerankers. The default of `scores` is `probability`. */
export interface TextRerankerOptions extends Pick<RankOptions, 'topN' | 'scores' | 'truncate' | 'client' | 'signal'> {
  /** How to load a model that is given by its source. */
  readonly load?: LoadOptions | undefined;
}

const { topN, scores, truncate, client, signal } = rankOptions;
const table: OptionTable<TextRerankerOptions> = { topN, scores, truncate, client, signal, load: nested(loadOptions) };

/** A reranker with the options of an adapter. */
export class TextReranker {
  readonly #model: ModelOnDemand<Reranker>;
  readonly #options: TextRerankerOptions;

  /**
   * @param where names the adapter in messages
   * @throws InputError for an invalid model or option
   */
  constructor(where: string, model: Reranker | ModelSource, given: TextRerankerOptions) {
    this.#options = readOptions(where, given, table, optionError);
    this.#model = new ModelOnDemand(where, model, {
      name: 'a Reranker',
      isLoaded: (value): value is Reranker => value instanceof Reranker,
      load: (source) => Reranker.load(source, this.#options.load),
    });
  }

  /**
   * Indices and scores of the documents, best first.
   * @param call options of this call, which override those of the adapter
   * @throws what `Reranker.load` and `Reranker.rank` throw
   */
  async rank(
    query: string,
    documents: readonly string[],
    call: Pick<RankOptions, 'topN' | 'signal'> = {},
  ): Promise<Ranked[]> {
    if (documents.length === 0) return [];
    const { load, ...options } = this.#options;
    const { topN = options.topN, signal = options.signal } = call;
    const reranker = await this.#model.get(signal);
    return (await reranker.rank(query, documents, { scores: 'probability', ...options, topN, signal })).results;
  }

  /** Frees the model if it was loaded here. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#model.dispose();
  }
}
