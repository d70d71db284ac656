/**
 * @file From hidden states to the answer: pooling, dense projections of sentence-transformers, classifier heads.
 */
import type { Activation, Linear, NormWeights, Ops, PoolKind, Tensor } from '../tensor/ops.ts';
import type { Pooling } from './pooling-types.ts';
import type { WeightLoader } from './weights.ts';

/** What the outputs of a classifier are: `tanh` of logits where it ends in one. */
export type RankOutputs = 'logits' | 'probabilities' | 'tanh';

/** A classifier over one row of a sequence: `output(norm(act(dense x)))`, each part as the file has it. */
export interface Classifier {
  /** Which row. */
  readonly row: PoolKind;
  /** `cls`. */
  readonly dense?: Linear;
  /** After `dense`. */
  readonly activation: Activation;
  /** `cls.norm`, a layer norm; only after `dense`. */
  readonly norm?: NormWeights & { readonly eps: number };
  /** `cls.output`. */
  readonly output?: Linear;
  /** Probabilities in place of logits. */
  readonly softmax?: boolean;
  /** How many of the columns are the answer. */
  readonly nClsOut: number;
}

/** What a model has beyond its hidden states. */
export interface Heads {
  readonly classifier: Classifier;
  /** Linear layers over each pooled row, one after the other (`dense_2`, `dense_3`). */
  readonly dense?: readonly Linear[];
}

/** The classifier of an architecture that knows no `cls` tensors: the first values of the first token. */
export function noClassifier({ hparams }: WeightLoader): Classifier {
  return { row: 'cls', activation: 'tanh', nClsOut: hparams.nClsOut };
}

/** `cls` and `cls.output` as BERT has them, over the first token with tanh. */
export function declareClassifier(loader: WeightLoader): Classifier {
  const { nEmbd, nClsOut } = loader.hparams;
  return {
    ...noClassifier(loader),
    dense: loader.optional('cls', (name) => loader.linear(name, nEmbd, nEmbd)),
    output: loader.optional('cls.output', (name) => loader.linear(name, nEmbd, nClsOut)),
  };
}

/** What `rank` pooling gives, `undefined` where the file has no classifier. */
export function rankOutputs({ classifier }: Heads): RankOutputs | undefined {
  const { dense, activation, output, softmax } = classifier;
  if (dense === undefined && output === undefined) return undefined;
  if (softmax) return 'probabilities';
  return output === undefined && activation === 'tanh' ? 'tanh' : 'logits';
}

/** From hidden states to what the caller gets: `[nSeq, nEmbd]`, `[T, nEmbd]` for `none`, `[nSeq, nClsOut]` scores for `rank`. */
export function pool(ops: Ops, hidden: Tensor, pooling: Pooling, heads: Heads): Tensor {
  if (pooling === 'rank') return classify(ops, hidden, heads.classifier);
  let x = ops.pool(hidden, pooling);
  for (const layer of heads.dense ?? []) x = ops.linear(x, layer);
  return x;
}

/** `[T, nEmbd]` → `[nSeq, nClsOut]`. A file without any classifier weights gives the first values of the row itself. */
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
