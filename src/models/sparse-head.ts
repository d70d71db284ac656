/**
 * @file The heads that make sparse vectors, in files of any architecture that have `gguf_embed.sparse.kind`: the language model head of SPLADE
 * (Formal et al. 2021) and OpenSearch, and the token weights of BGE-M3.
 */
import { printable } from '../gguf/errors.ts';
import type { Metadata } from '../gguf/index.ts';
import type { Activation, Linear, NormWeights, Ops, Tensor } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import { geluOf } from './gelu.ts';
import type { WeightLoader } from './weights.ts';

/** Keys of a file with sparse vectors. */
const sparseKeys = {
  kind: 'gguf_embed.sparse.kind',
  activation: 'gguf_embed.sparse.activation',
  dropSpecial: 'gguf_embed.sparse.drop_special_tokens',
  queryWeights: 'gguf_embed.sparse.query_weights',
} as const;

/**
 * Where the weights come from. `max_logits`: the largest logit of each token of the vocabulary; `token_weights`: a weight for each token of the
 * text.
 */
const kinds = ['max_logits', 'token_weights'] as const;
/** How a positive logit becomes a weight: `ln(1 + x)`, or the same twice. */
const activations = ['log1p', 'log1p_log1p'] as const;

/** Ids travel as float32 beside their values. */
const MAX_VOCABULARY = 2 ** 24;
/** Rows of the decoder in one product, which bounds the memory of the logits. */
const DECODER_ROWS = 8192;

/** How sparse vectors are made, without the weights of the model. */
export interface SparseSettings {
  readonly kind: (typeof kinds)[number];
  /** Of `max_logits`. */
  readonly activation: (typeof activations)[number];
  /** Special tokens get no weight. */
  readonly dropSpecial: boolean;
  /** `[nVocab]` the weights of the tokens of a query, if queries need no forward pass. */
  readonly queryWeights?: Float32Array;
}

/** The layers of a sparse head. */
export type SparseHead =
  | {
      readonly kind: 'max_logits';
      readonly dense: Linear;
      readonly activation: Activation;
      readonly norm: NormWeights & { readonly eps: number };
      /** The rows of the decoder in pieces. */
      readonly decoder: readonly Linear[];
    }
  | { readonly kind: 'token_weights'; readonly linear: Linear };

/** @returns `undefined` for a file without sparse vectors @throws ModelError for a value that is not known or does not fit to the vocabulary */
export function readSparseSettings(metadata: Metadata, nVocab: number): SparseSettings | undefined {
  const kind = oneOf(metadata, sparseKeys.kind, kinds);
  if (kind === undefined) return undefined;
  if (nVocab > MAX_VOCABULARY) {
    const message = `sparse vectors need a vocabulary of at most ${MAX_VOCABULARY} tokens; it has ${nVocab}`;
    throw new ModelError(message, { key: sparseKeys.kind });
  }
  const activation = oneOf(metadata, sparseKeys.activation, activations) ?? 'log1p';
  const dropSpecial = metadata.bool(sparseKeys.dropSpecial) ?? false;
  const key = sparseKeys.queryWeights;
  const weights = metadata.numbers(key);
  if (weights === undefined) return { kind, activation, dropSpecial };
  if (!(weights instanceof Float32Array && weights.length === nVocab && weights.every(Number.isFinite))) {
    throw new ModelError(`${key} must be ${nVocab} finite numbers of the type float32, one for each token`, { key });
  }
  return { kind, activation, dropSpecial, queryWeights: weights };
}

function oneOf<T extends string>(metadata: Metadata, key: string, known: readonly T[]): T | undefined {
  const value = metadata.string(key);
  if (value === undefined) return undefined;
  const found = known.find((one) => one === value);
  if (found === undefined) {
    throw new ModelError(`${key} is ${printable(value)}; supported are ${known.join(', ')}`, { key });
  }
  return found;
}

/** The layers of the file; `undefined` for a file without sparse vectors. */
export function declareSparse(loader: WeightLoader): SparseHead | undefined {
  const { nEmbd, nVocab } = loader.hparams;
  const settings = readSparseSettings(loader.keys.metadata, nVocab);
  if (settings === undefined) return undefined;
  if (settings.kind === 'token_weights')
    return { kind: settings.kind, linear: loader.linear('sparse_linear', nEmbd, 1) };
  // Without a matrix of its own, the decoder is the table of the embeddings.
  const matrix = loader.has('mlm_decoder') ? 'mlm_decoder' : 'token_embd';
  return {
    kind: settings.kind,
    dense: loader.linear('mlm_dense', nEmbd, nEmbd),
    activation: geluOf(loader),
    norm: { ...loader.layerNorm('mlm_norm', nEmbd), eps: loader.keys.positiveF32('attention.layer_norm_epsilon') },
    decoder: Array.from({ length: Math.ceil(nVocab / DECODER_ROWS) }, (_, i) => {
      const from = i * DECODER_ROWS;
      const n = Math.min(DECODER_ROWS, nVocab - from);
      return loader.part({ matrix, bias: 'mlm_decoder', nIn: nEmbd, nOut: nVocab }, from, n, `mlm_decoder.${i}`);
    }),
  };
}

/** The largest logit of each token of the vocabulary: `[T, nEmbd]` → `[nSeq, nVocab]`. */
export function largestLogits(ops: Ops, hidden: Tensor, head: SparseHead | undefined): Tensor {
  if (head?.kind !== 'max_logits') throw new Error('the model has no head for logits');
  const { dense, activation, norm, decoder } = head;
  const x = ops.norm(ops.linear(hidden, dense, { activation }), norm, { kind: 'layer', eps: norm.eps });
  const parts = decoder.map((rows) => ops.pool(ops.linear(x, rows), 'max'));
  return parts.length === 1 ? parts[0] : ops.concat(parts);
}

/** The weight of each token: `[T, nEmbd]` → `[T, 1]`. */
export function tokenWeights(ops: Ops, hidden: Tensor, head: SparseHead | undefined): Tensor {
  if (head?.kind !== 'token_weights') throw new Error('the model has no weights of tokens');
  return ops.linear(hidden, head.linear, { activation: 'relu' });
}
