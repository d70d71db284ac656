/**
 * @file The contract of a model architecture, for the registry and the engine.
 *
 * An architecture is one file: its hyper-parameters, its weights (named after the tensors in the file, so that each can be
 * searched for) and a forward function that reads like the paper.
 */
import type { Ops, Tensor } from '../tensor/ops.ts';
import type { HyperParameters } from './hparams.ts';
import type { StepNameTable } from './names/step-names.ts';
import type { Heads } from './pooling.ts';
import type { WeightLoader } from './weights.ts';

/** How a text model takes the rows of a vision tower. */
export interface ImageInput {
  /** Columns of a row: the model's width, plus as many for each layer that takes a part of the row. */
  readonly width: number;
  /** The positions of the tokens of an image: on a grid (M-RoPE), or in sequence like those of a text. */
  readonly positions: 'grid' | 'sequence';
}

/** A model: weights bound to one backend. */
export interface Model {
  readonly hparams: HyperParameters;
  /** Runs the network over the batch given to `ops.begin`: `[T, nEmbd]`, after the final norm if there is one. */
  forward(ops: Ops): Tensor;
  /** The rows before the first layer and after each one, as `forward` computes them; `undefined` if the model does not give them. */
  hiddenStates?(ops: Ops): readonly Tensor[];
  /** How images come in beside tokens; `undefined` if the model takes none. */
  readonly images?: ImageInput;
  /** What turns hidden states into the result. */
  readonly heads: Heads;
  /** llama.cpp's names of the steps of `forward`. */
  readonly names: StepNameTable;
}

/** An entry of the registry. */
export interface Architecture {
  /** `general.architecture` in the file. */
  readonly id: string;
  /** False for a model without layers, whose file has neither layers nor heads. Default: true. */
  readonly hasLayers?: boolean;
  /** Whether layers without key and value heads exist: they mix tokens by a convolution. Default: false. */
  readonly hasConvolutions?: boolean;
  /** Declares every weight with its expected shape; the loader fills them afterwards. */
  build(loader: WeightLoader): Model;
}
