/**
 * @file `Reranker`: scores how well documents answer a query, with a cross-encoder, or by late interaction of the vectors of tokens.
 */
import { readOptions } from '../../check-options.ts';
import { ImageError } from '../../image/errors.ts';
import type { ListwiseSettings } from '../../models/index.ts';
import { Turn } from '../../turn.ts';
import { Embedder } from '../embedder.ts';
import { ContextSizeError, InputError, optionError } from '../errors.ts';
import { type ContentPart, isMediaInput, type MediaInput, partsOf } from '../images/parts.ts';
import { rankOptions } from '../inputs/call-options.ts';
import { checkWellFormed } from '../inputs/well-formed.ts';
import { loadOptions } from '../load/load-options.ts';
import type { ModelSource } from '../load/source.ts';
import type { ModelInfo } from '../model-info.ts';
import { rankByTokens } from '../outputs/rank-by-tokens.ts';
import type { Embeddings, LoadOptions, RankOptions } from '../types.ts';
import { canRank } from './can-rank.ts';
import { rankList } from './listwise.ts';
import { score } from './score-scales.ts';

/** A query or a document: a text, or texts and images. */
export type RankInput = string | MediaInput;

/** One document and its score. */
export interface Ranked {
  /** Index of the document. */
  readonly index: number;
  readonly score: number;
}

/** The result of `rank`. */
export interface Ranking {
  /** Best first; equal scores in the order of the documents. */
  readonly results: Ranked[];
  /** Tokens of each pair, in the order of the documents. */
  readonly nTokens: number[];
  /** How many of those represent images. */
  readonly nImageTokens: number[];
  /** Whether each pair was cut, in the order of the documents. */
  readonly truncated: boolean[];
}

/**
 * A loaded reranking model.
 *
 * ```ts
 * const reranker = await Reranker.load('bge-reranker.gguf');
 * const { results } = await reranker.rank('what is a panda?', ['hi', 'The giant panda is a bear.']);
 * ```
 */
export class Reranker {
  /** The model, for everything except ranking. */
  readonly embedder: Embedder;

  private constructor(embedder: Embedder) {
    this.embedder = embedder;
  }

  /**
   * Loads a model: one with a classifier with `rank` pooling, whatever its file says; one with vectors of tokens (ColBERT, BGE-M3) for late
   * interaction.
   * @throws what `Embedder.load` throws, and InputError for a file with neither, unless `pooling: 'rank'` is given. Then
   *   the first value of the hidden state is the score, as in llama.cpp
   */
  static async load(source: ModelSource, given: LoadOptions = {}): Promise<Reranker> {
    const options = readOptions('Reranker.load', given, loadOptions, optionError);
    const { requireClassifier = options.pooling === undefined } = options;
    const { pooling = requireClassifier ? undefined : 'rank' } = options;
    const embedder = await Embedder.load(source, { ...options, pooling, requireClassifier });
    try {
      return Reranker.from(embedder);
    } catch (error) {
      await embedder.dispose();
      throw error;
    }
  }

  /**
   * Ranks with a loaded model. Disposing one disposes both.
   * @throws InputError if its pooling is not `rank`, and it has no vectors of tokens; TypeError for what is no embedder
   */
  static from(embedder: Embedder): Reranker {
    if (embedder?.info === undefined) throw new TypeError('Reranker.from takes an Embedder that is loaded');
    const { name, pooling } = embedder.info;
    if (canRank(embedder.info)) return new Reranker(embedder);
    const remedy = "load it with pooling: 'rank' (--reranking)";
    throw new InputError('option', `${name} was loaded with ${pooling} pooling, which does not rank: ${remedy}`);
  }

  get info(): ModelInfo {
    return this.embedder.info;
  }

  /**
   * Scores each document against the query. Either side may have images, if the model was loaded with a vision tower; pairs with images are
   * never cut. In late interaction, `truncate` also cuts the query. A listwise reranker (`ModelInfo.listwise`) reads all documents in one text, so a
   * score depends on the other documents and their order, and `truncate` cuts the query and each document to what the model takes.
   * @throws InputError for an invalid pair (ContextSizeError if it is too long), ModelError for scores that are NaN or infinite, the signal's reason
   */
  async rank(query: RankInput, documents: readonly RankInput[], options: RankOptions = {}): Promise<Ranking> {
    const read = readOptions('rank', options, rankOptions, optionError);
    if (!Array.isArray(documents)) throw new InputError('shape', 'the documents must be an array of strings');
    const texts = documents.map((document, index) => textAlone(document, `document ${index}`, index));
    return this.#rank(textAlone(query, 'the query'), texts, read);
  }

  async #rank(query: RankInput, documents: readonly RankInput[], options: RankOptions): Promise<Ranking> {
    const { topN, scores = 'raw', truncate = false, ...run } = options;
    if (this.info.listwise !== undefined && this.info.pooling === 'rank') {
      return this.#rankList(this.info.listwise, query, documents, { topN, scores, truncate, ...run });
    }
    if (!hasClassifierScores(this.info)) {
      const { scores: all, ...counts } = await rankByTokens(this.embedder, query, documents, {
        scores,
        truncate,
        ...run,
      });
      return { results: bestFirst(all, topN), ...counts };
    }
    const { vectors, nTokens, nImageTokens, truncated } =
      isMediaInput(query) || documents.some(isMediaInput)
        ? await this.#embedMediaPairs(query, documents, run)
        : await this.#embedPairs(query, documents, truncate, run);
    const results = bestFirst(
      vectors.map((outputs) => score(outputs, scores, this.info.rankOutputs)),
      topN,
    );
    return { results, nTokens, nImageTokens, truncated };
  }

  /** Scores a list of documents in one text, or in several if it is long. */
  async #rankList(
    listwise: ListwiseSettings,
    query: RankInput,
    documents: readonly RankInput[],
    { topN, scores = 'raw', ...run }: RankOptions,
  ): Promise<Ranking> {
    const list = await rankList(this.embedder, listwise, query, documents, run);
    const scaled = list.scores.map((cosine) => score(Float32Array.of(cosine), scores, 'cosine'));
    const { nTokens, truncated } = list;
    return { results: bestFirst(scaled, topN), nTokens, nImageTokens: nTokens.map(() => 0), truncated };
  }

  /** Vectors of pairs of texts. */
  async #embedPairs(
    query: RankInput,
    documents: readonly RankInput[],
    truncate: boolean,
    run: Pick<RankOptions, 'lora' | 'client' | 'onProgress' | 'signal'>,
  ): Promise<Omit<Embeddings, 'pooling' | 'dimensions'>> {
    if (typeof query !== 'string') throw new InputError('shape', 'the query must be a string');
    checkWellFormed(query, 'the query');
    const { pairs, pairStarts, truncated } = await this.#encodePairs(query, documents, truncate, run.signal);
    return { ...(await this.embedder.embed(pairs, { ...run, pairStarts })), truncated };
  }

  /** Vectors of pairs with images; errors name the side that an image belongs to. */
  #embedMediaPairs(
    query: RankInput,
    documents: readonly RankInput[],
    run: Pick<RankOptions, 'lora' | 'client' | 'onProgress' | 'signal'>,
  ): Promise<Embeddings> {
    const pairs = this.#mediaPairs(query, documents);
    const queryParts = new Set(typeof query === 'string' ? [] : partsOf(query, 'the query').map(imageOf));
    const rename = (message: string) =>
      message.replace(/image (\d+) of input (\d+)/, (_, nth: string, index: string) => {
        const images = pairs[Number(index)].filter((part) => 'image' in part).map(imageOf);
        const isOfQuery = queryParts.has(images[Number(nth)]);
        const side = images.slice(0, Number(nth)).filter((image) => queryParts.has(image) === isOfQuery);
        return `image ${side.length} of ${isOfQuery ? 'the query' : `document ${index}`}`;
      });
    return this.embedder.embed(pairs, { ...run, addSpecial: false }).catch((error) => {
      if (!(error instanceof ImageError || (error instanceof InputError && error.code === 'image'))) throw error;
      error.message = rename(error.message);
      throw error;
    });
  }

  /** The rerank template of the file, filled in with texts and images, for each document. */
  #mediaPairs(query: RankInput, documents: readonly RankInput[]): ContentPart[][] {
    const { rerankTemplate } = this.embedder.tokenizer;
    if (rerankTemplate === undefined) {
      throw new InputError('image', `${this.info.name} ranks no images: its file has no rerank template`);
    }
    const parts = (input: RankInput, what: string, index?: number) =>
      partsOf(typeof input === 'string' ? { text: input } : input, what, index);
    const queryParts = parts(query, 'the query');
    const pieces = rerankTemplate.split(/(\{query\}|\{document\})/);
    return documents.map((document, index) => {
      if (typeof document !== 'string' && !isMediaInput(document)) {
        throw new InputError('shape', `document ${index} is neither a string nor texts and images`, index);
      }
      const documentParts = parts(document, `document ${index}`, index);
      return pieces.flatMap((text) => {
        if (text === '{query}') return queryParts;
        return text === '{document}' ? documentParts : [{ text }];
      });
    });
  }

  /** Encodes the pairs; each is checked against the context, or cut, before the next one. */
  async #encodePairs(
    query: string,
    documents: readonly RankInput[],
    truncate: boolean,
    signal: AbortSignal | undefined,
  ): Promise<{ pairs: number[][]; pairStarts: number[]; truncated: boolean[] }> {
    const { nCtx } = this.info;
    const { encode, nBefore, after } = this.embedder.tokenizer.pairEncoder(query);
    const nKept = nCtx - after.length;
    const turn = new Turn();
    const pairs: number[][] = [];
    const truncated: boolean[] = [];
    for (const [index, document] of documents.entries()) {
      if (typeof document !== 'string') throw new InputError('shape', `document ${index} is not a string`, index);
      checkWellFormed(document, `document ${index}`, index);
      const ids = encode(document);
      const tooLong = ids.length > nCtx;
      if (tooLong && !(truncate && nBefore < nKept)) throw new ContextSizeError(index, ids.length, nCtx);
      pairs.push(tooLong ? ids.slice(0, nKept).concat(after) : ids);
      truncated.push(tooLong);
      if (!turn.isOver) continue;
      await turn.pass();
      signal?.throwIfAborted();
    }
    return { pairs, pairStarts: pairs.map(() => nBefore), truncated };
  }

  /** Frees the model. Safe to call twice. */
  dispose(): Promise<void> {
    return this.embedder.dispose();
  }
}

/** Without a classifier, `rank` pooling is only what is left of a model without vectors of tokens. */
function hasClassifierScores({ pooling, rankOutputs, maxSim }: ModelInfo): boolean {
  return pooling === 'rank' && (rankOutputs !== undefined || maxSim === undefined);
}

/** Equal scores stay in the order of the documents. */
function bestFirst(scores: readonly number[], topN: number | undefined): Ranked[] {
  return scores
    .map((score, index) => ({ index, score }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, topN);
}

function imageOf(part: ContentPart): unknown {
  return 'image' in part ? part.image : undefined;
}

/** An input as a string, which every reranker takes, if it has no image. */
function textAlone(input: RankInput, what: string, index?: number): RankInput {
  if (!isMediaInput(input)) return input;
  const parts = partsOf(input, what, index);
  if (parts.length === 0) return '';
  return parts.length === 1 && 'text' in parts[0] ? parts[0].text : input;
}
