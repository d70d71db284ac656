/**
 * @file Turns hidden states into results: pooling, dense projections of sentence-transformers, classifier heads.
 */
import type { GgufFile } from '../gguf/index.ts';
import type { Activation, Linear, NormWeights, Ops, PoolKind, Tensor } from '../tensor/ops.ts';
import { tokenVectors } from './multi-head.ts';
import { isTokenResult, type Result, type TokenResult } from './pooling-types.ts';
import type { SentenceDense } from './sentence-dense.ts';
import { largestLogits, type SparseHead, tokenWeights } from './sparse-head.ts';
import type { WeightLoader } from './weights.ts';

/** The kind of a classifier's outputs; `tanh` if it ends with tanh of logits. */
export type RankOutputs = 'logits' | 'probabilities' | 'tanh';

/** A classifier over one row of a sequence: `output(norm(act(dense x)))`. Parts that the file lacks are skipped. */
export interface Classifier {
  /** The row that it reads. */
  readonly row: PoolKind;
  /** `cls`. */
  readonly dense?: Linear;
  /** After `dense`. */
  readonly activation: Activation;
  /** `cls.norm`, a layer norm; only after `dense`. */
  readonly norm?: NormWeights & { readonly eps: number };
  /** `cls.output`. */
  readonly output?: Linear;
  /** Return probabilities instead of logits. */
  readonly softmax?: boolean;
  /** The number of columns that are results. */
  readonly nClsOut: number;
}

/** The layers of a model after its hidden states. */
export interface Heads {
  readonly classifier: Classifier;
  /** Linear layers over each pooled row, in this order (`dense_2`, `dense_3`). */
  readonly dense?: readonly Linear[];
  /** Layers over each pooled row that sentence-transformers adds to any model, after all others; not over the rows of tokens. */
  readonly sentenceDense?: readonly SentenceDense[];
  /** What makes sparse vectors. */
  readonly sparse?: SparseHead;
  /** Layers over the hidden state of each token, for late interaction. */
  readonly multi?: readonly SentenceDense[];
}

/** Whether a file has a classifier. */
export function hasClassifier({ tensors }: Pick<GgufFile, 'tensors'>): boolean {
  return tensors.has('cls.weight') || tensors.has('cls.output.weight');
}

/** The classifier of an architecture without `cls` tensors: the first values of the first token. */
export function noClassifier({ hparams }: WeightLoader): Classifier {
  return { row: 'cls', activation: 'tanh', nClsOut: hparams.nClsOut };
}

/** `cls` and `cls.output` as in BERT, over the first token with tanh. */
export function declareClassifier(loader: WeightLoader): Classifier {
  const { nEmbd, nClsOut } = loader.hparams;
  return {
    ...noClassifier(loader),
    dense: loader.optional('cls', (name) => loader.linear(name, nEmbd, nEmbd)),
    output: loader.optional('cls.output', (name) => loader.linear(name, nEmbd, nClsOut)),
  };
}

/** What `rank` pooling returns; `undefined` if the file has no classifier. */
export function rankOutputs({ classifier }: Heads): RankOutputs | undefined {
  const { dense, activation, output, softmax } = classifier;
  if (dense === undefined && output === undefined) return undefined;
  if (softmax) return 'probabilities';
  return output === undefined && activation === 'tanh' ? 'tanh' : 'logits';
}

/**
 * Turns hidden states into the result: `[nSeq, nEmbd]`, `[T, nEmbd]` for `none`, `[nSeq, nClsOut]` scores for `rank`, `[nSeq, nVocab]` for
 * `vocabulary`, `[T, n]` for the parts of tokens.
 */
export function pool(ops: Ops, hidden: Tensor, pooling: Result, heads: Heads): Tensor {
  if (pooling === 'vocabulary') return largestLogits(ops, hidden, heads.sparse);
  if (isTokenResult(pooling)) return tokenParts(ops, hidden, pooling, heads);
  if (pooling === 'rank') return classify(ops, hidden, heads.classifier);
  let x = ops.pool(hidden, pooling);
  for (const layer of heads.dense ?? []) x = ops.linear(x, layer);
  if (pooling === 'none') return x;
  for (const { linear, activation } of heads.sentenceDense ?? []) x = ops.linear(x, linear, { activation });
  return x;
}

/** The named parts of each token, side by side. */
function tokenParts(ops: Ops, hidden: Tensor, result: TokenResult, heads: Heads): Tensor {
  const parts = result.split('+').map((part) => {
    if (part === 'hidden') return hidden;
    return part === 'weights' ? tokenWeights(ops, hidden, heads.sparse) : tokenVectors(ops, hidden, heads.multi);
  });
  return parts.length === 1 ? parts[0] : ops.concat(parts);
}

/** `[T, nEmbd]` → `[nSeq, nClsOut]`. Without classifier weights, returns the first values of the row itself. */
function classify(ops: Ops, hidden: Tensor, head: Classifier): Tensor {
  let x = ops.pool(hidden, head.row);
  if (head.dense !== undefined) {
    x = ops.linear(x, head.dense, { activation: head.activation });
    if (head.norm !== undefined) x = ops.norm(x, head.norm, { kind: 'layer', eps: head.norm.eps });
  }
  if (head.output !== undefined) x = ops.linear(x, head.output);
  if (head.softmax) x = ops.softmax(x);
  return x.cols > head.nClsOut ? ops.columns(x, 0, head.nClsOut) : x;
}
