/**
 * @file What a model architecture is, for the registry and for the engine.
 *
 * An architecture is one file: its hyper-parameters, its weights (named after the keys in the file, so that each can be
 * grepped) and a forward function that reads like the paper.
 */
import type { Ops, Tensor } from '../tensor/ops.ts';
import type { HyperParameters } from './hparams.ts';
import type { StepNameTable } from './names/step-names.ts';
import type { Heads } from './pooling.ts';
import type { WeightLoader } from './weights.ts';

/** A model: weights bound to one backend. */
export interface Model {
  readonly hparams: HyperParameters;
  /** Runs the network over the batch given to `ops.begin`: `[T, nEmbd]`, after the final norm if there is one. */
  forward(ops: Ops): Tensor;
  /** What turns hidden states into the answer. */
  readonly heads: Heads;
  /** What llama.cpp calls the steps of `forward`. */
  readonly names: StepNameTable;
}

/** An entry of the registry. */
export interface Architecture {
  /** `general.architecture` in the file. */
  readonly id: string;
  /** Declares every weight with its expected shape; the loader fills them afterwards. */
  build(loader: WeightLoader): Model;
}
