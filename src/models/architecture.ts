/**
 * @file What a model architecture is, for the registry and for the engine.
 *
 * An architecture is one file: its hyper-parameters, its weights (named after the keys in the file, so that each can be
 * grepped) and a forward function that reads like the paper.
 */
import type { Batch, Ops, PoolKind, Tensor } from '../tensor/ops.ts';
import type { HyperParameters } from './hparams.ts';
import type { WeightLoader } from './weights.ts';

/** Pooling as the file or the user asks for it; `rank` runs the classifier head. */
export type Pooling = PoolKind | 'rank';

/** A loaded model: weights bound to one backend. */
export interface Model {
  readonly hparams: HyperParameters;
  /** Runs the network over `batch` (already given to `ops.begin`): `[T, nEmbd]`, after the final norm if there is one. */
  forward(ops: Ops, batch: Batch): Tensor;
  /**
   * Turns the hidden states into what the caller gets: `[nSeq, nEmbd]`, `[T, nEmbd]` for `none`, or
   * `[nSeq, nClsOut]` scores for `rank`.
   */
  pool(ops: Ops, hidden: Tensor, pooling: Pooling): Tensor;
}

/** An entry of the registry. */
export interface Architecture {
  /** `general.architecture` in the file. */
  readonly id: string;
  /** Declares every weight with its expected shape; the loader fills them afterwards. */
  build(loader: WeightLoader): Model;
}
