/**
 * @file The head that makes a vector of each token, for late interaction (Khattab and Zaharia 2020), in files of any architecture that have
 * `gguf_embed.multi.activations`: linear layers over the hidden states. ColBERT models also say how queries and documents begin, with what
 * queries are filled up, and which tokens of documents have no vector.
 */
import { printable } from '../gguf/errors.ts';
import type { Ops, Tensor } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import { applyLayers, declareLayers, type SentenceLayer, widthAfter } from './sentence-layers.ts';
import type { WeightLoader } from './weights.ts';

/** Keys of a file with vectors of tokens. */
const multiKeys = {
  dropFirst: 'gguf_embed.multi.drop_first_token',
  queryMarker: 'gguf_embed.multi.query_marker',
  documentMarker: 'gguf_embed.multi.document_marker',
  queryLength: 'gguf_embed.multi.query_length',
  documentLength: 'gguf_embed.multi.document_length',
  expansion: 'gguf_embed.multi.expansion_token',
  attends: 'gguf_embed.multi.attend_to_expansion',
  skipped: 'gguf_embed.multi.skipped_tokens',
  score: 'gguf_embed.multi.score',
} as const;

/** How the largest products become the score of a document: their sum over the vectors of the query, or their mean. */
const scores = ['sum', 'mean'] as const;

/** With what a query is filled up to `TextSide.length` tokens. */
interface Expansion {
  readonly token: number;
  /** Whether the other tokens see these. */
  readonly isSeen: boolean;
}

/** How a text of one side of a search becomes tokens. */
export interface TextSide {
  /** The token behind the first one. */
  readonly marker?: number;
  /** Tokens of the longest text in training, to which longer ones are cut. */
  readonly length?: number;
  readonly expansion?: Expansion;
}

/** How the vectors of tokens are made, without the weights of the model. */
export interface MultiSettings {
  /** Values in the vector of a token. */
  readonly dimensions: number;
  /** The first token of a text has no vector. */
  readonly dropFirst: boolean;
  readonly query: TextSide;
  readonly document: TextSide;
  /** Ids of the tokens of documents that have no vector. */
  readonly skipped: ReadonlySet<number>;
  readonly score: (typeof scores)[number];
}

/**
 * @returns `undefined` for a model without such vectors
 * @throws ModelError for a token that does not exist, a length beyond the context, or an expansion that the model cannot compute
 */
export function readMultiSettings(
  loader: Pick<WeightLoader, 'keys' | 'hparams'>,
  layers: readonly SentenceLayer[] = [],
): MultiSettings | undefined {
  if (layers.length === 0) return undefined;
  const { metadata } = loader.keys;
  const queryLength = readLength(loader, multiKeys.queryLength);
  const token = readToken(loader, multiKeys.expansion);
  if (token !== undefined && queryLength === undefined) {
    throw keyError(multiKeys.expansion, `needs ${multiKeys.queryLength}`);
  }
  const expansion = token === undefined ? undefined : { token, isSeen: metadata.bool(multiKeys.attends) ?? false };
  if (expansion?.isSeen === false) checkHidden(loader, queryLength!);
  const score = metadata.string(multiKeys.score) ?? 'sum';
  const known = scores.find((one) => one === score);
  if (known === undefined) {
    throw keyError(multiKeys.score, `is ${printable(score)}; supported are ${scores.join(', ')}`);
  }
  return {
    dimensions: widthAfter(layers, loader.hparams.nEmbd),
    dropFirst: metadata.bool(multiKeys.dropFirst) ?? false,
    query: { marker: readToken(loader, multiKeys.queryMarker), length: queryLength, expansion },
    document: {
      marker: readToken(loader, multiKeys.documentMarker),
      length: readLength(loader, multiKeys.documentLength),
    },
    skipped: readSkipped(loader),
    score: known,
  };
}

/** Whether texts become other tokens for these vectors than for others. */
export function hasOwnTokens({ query, document }: MultiSettings): boolean {
  return [query.marker, query.expansion, document.marker].some((one) => one !== undefined);
}

function keyError(key: string, problem: string): ModelError {
  return new ModelError(`${key} ${problem}`, { key });
}

function readToken({ keys, hparams }: Pick<WeightLoader, 'keys' | 'hparams'>, key: string): number | undefined {
  const id = keys.metadata.u32(key);
  if (id !== undefined && id >= hparams.nVocab) {
    throw keyError(key, `is ${id}, but the vocabulary has ${hparams.nVocab} tokens`);
  }
  return id;
}

function readLength({ keys, hparams }: Pick<WeightLoader, 'keys' | 'hparams'>, key: string): number | undefined {
  const length = keys.metadata.u32(key);
  if (length !== undefined && !(length >= MIN_LENGTH && length <= hparams.nCtxTrain)) {
    throw keyError(key, `is ${length}; it must be from ${MIN_LENGTH} to the context of ${hparams.nCtxTrain} tokens`);
  }
  return length;
}

/** Room for the special tokens, the marker and a token of the text. */
const MIN_LENGTH = 4;

function readSkipped({ keys, hparams }: Pick<WeightLoader, 'keys' | 'hparams'>): Set<number> {
  const key = multiKeys.skipped;
  const ids = keys.metadata.numbers(key);
  if (ids === undefined) return new Set();
  if (!(ids instanceof Int32Array && ids.length <= hparams.nVocab)) {
    throw keyError(key, `must be a list of at most ${hparams.nVocab} numbers of the type int32`);
  }
  const wrong = ids.find((id) => !(id >= 0 && id < hparams.nVocab));
  if (wrong !== undefined) throw keyError(key, `has ${wrong}, but the vocabulary has ${hparams.nVocab} tokens`);
  return new Set(ids);
}

/** @throws ModelError if a token at the end of a query would see none of the tokens before its expansion, or attention cannot leave tokens out */
function checkHidden({ keys }: Pick<WeightLoader, 'keys'>, queryLength: number): void {
  const remedy = `set ${multiKeys.attends} or remove ${multiKeys.expansion}`;
  const window = keys.u32('attention.sliding_window', 0);
  if (window > 0 && window < 2 * queryLength) {
    throw keyError(
      multiKeys.expansion,
      `cannot be used: the window of ${window} tokens is less than twice the length of queries, ${queryLength}: ${remedy}`,
    );
  }
  if (keys.architecture === 'gguf-embed-deberta') {
    throw keyError(multiKeys.expansion, `cannot be used with disentangled attention: ${remedy}`);
  }
}

/** The layers of the file; none without the key. */
export function declareMulti(loader: WeightLoader): SentenceLayer[] {
  return declareLayers(loader, 'gguf_embed.multi', 'token_dense', loader.hparams.nEmbd);
}

/** `[T, nEmbd]` → `[T, dimensions]`. */
export function tokenVectors(ops: Ops, hidden: Tensor, layers: readonly SentenceLayer[] = []): Tensor {
  if (layers.length === 0) throw new Error('the model has no vectors of tokens');
  return applyLayers(ops, hidden, layers);
}
