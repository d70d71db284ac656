/**
 * @file Turns hidden states into results: pooling, layers of sentence-transformers over pooled vectors, classifier heads.
 */
import type { GgufFile } from '../gguf/index.ts';
import type { Activation, Linear, NormWeights, Ops, PoolKind, Tensor } from '../tensor/ops.ts';
import { tokenVectors } from './multi-head.ts';
import {
  isTokenResult,
  type Pooling,
  type Result,
  type Route,
  rowPoolingsOf,
  type TokenResult,
} from './pooling-types.ts';
import { applyLayers, type SentenceLayer, type SentenceLayers, widthAfter } from './sentence-layers.ts';
import { largestLogits, type SparseHead, tokenWeights } from './sparse-head.ts';
import type { WeightLoader } from './weights.ts';

/** The kind of a classifier's outputs; `tanh` if it ends with tanh of logits. A listwise reranker gives the cosine of two vectors. */
export type RankOutputs = 'logits' | 'probabilities' | 'tanh' | 'cosine';

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
  readonly sentence?: SentenceLayers;
  /** What makes sparse vectors. */
  readonly sparse?: SparseHead;
  /** Layers over the hidden state of each token, for late interaction. */
  readonly multi?: readonly SentenceLayer[];
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
  const [kind, route] = pooling.split('@');
  const kinds = kind === 'none' ? (['none'] as const) : rowPoolingsOf(kind);
  const rows = kinds.map((one) => ops.pool(hidden, one));
  let x = rows.length === 1 ? rows[0] : ops.concat(rows);
  for (const layer of heads.dense ?? []) x = ops.linear(x, layer);
  return kind === 'none' ? x : applyLayers(ops, x, layersOf(heads, route));
}

/** The layers over pooled vectors, on the side of a search if they differ. */
function layersOf({ sentence }: Heads, route: string | undefined): readonly SentenceLayer[] {
  if (sentence === undefined || sentence.byRoute.size === 0) return sentence?.plain ?? [];
  const [byDefault] = sentence.byRoute.keys();
  return sentence.byRoute.get((route as Route | undefined) ?? byDefault)!;
}

/**
 * Values in a vector that `pooling` makes of hidden states of `nEmbd` values; for `rank`, what a vector would have.
 * @returns `undefined` if the layers over pooled vectors take rows of another width
 */
export function pooledWidth(heads: Heads, pooling: Pooling, nEmbd: number): number | undefined {
  const kinds = rowPoolingsOf(pooling);
  const dense = heads.dense?.at(-1)?.weight.shape[1];
  if (dense !== undefined && kinds.length > 1) return undefined;
  const width = dense ?? nEmbd * Math.max(1, kinds.length);
  if (pooling === 'none') return width;
  const layers = layersOf(heads, undefined);
  return fits(layers, width) ? widthAfter(layers, width) : undefined;
}

/** Whether layers take rows of `nIn` values. */
function fits([first]: readonly SentenceLayer[], nIn: number): boolean {
  if (first === undefined) return true;
  return (first.kind === 'dense' ? first.linear.weight : first.norm.weight).shape[0] === nIn;
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
