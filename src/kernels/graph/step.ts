/**
 * @file One recorded operation as data: its inputs, its result, its weights and options. Backends know how to compute it; passes know what
 * can be omitted or joined.
 */
import type { RowIndex } from '../../tensor/batch.ts';
import type {
  Activation,
  AttentionOptions,
  MoeOptions,
  PoolKind,
  RareActivation,
  RopeOptions,
  Weight,
} from '../../tensor/ops.ts';
import type { GraphTensor } from './tensor.ts';

/** Which row of each sequence. */
export type PooledRow = 'cls' | 'last';

interface Common {
  /** Name of the result with the layer's suffix, for messages. */
  readonly name?: string;
  readonly inputs: readonly GraphTensor[];
  readonly out: GraphTensor;
  /**
   * Only this row of each sequence is computed (`narrow.ts`): `out` has one row for each sequence. Keys and values are computed for all
   * tokens.
   */
  readonly row?: PooledRow;
}

/** Rows of a table, times `scale` and the weight of a mixture, plus `inputs[0]` if present. */
export interface EmbeddingStep<W> extends Common {
  readonly op: 'embedding';
  readonly table: W;
  readonly index: RowIndex;
  readonly scale: number;
}

/** One weight of a product, with the bias and scale of its columns. */
export interface LinearPart<W> {
  readonly weight: W;
  readonly bias?: W;
  readonly scale?: W;
}

/**
 * `activation(scale · x Wᵀ + bias) + residual`; inputs: x, and the residual if present. The columns of several parts are side by side; such
 * a step has no activation and no residual (`fuse-products.ts`).
 */
export interface LinearStep<W> extends Common {
  readonly op: 'linear';
  readonly parts: readonly LinearPart<W>[];
  readonly activation?: Activation;
  /** The first half of the columns gates the second: the result is `glu(first) · second` (`fuse-glu.ts`). */
  readonly glu?: Activation;
  /**
   * The input is normed first; inputs are then those of the norm: x, and its residual if present. The normed rows are the last columns of
   * `out`, and hold values only if they are kept (`fuse-norm-products.ts`).
   */
  readonly norm?: Pick<NormStep<W>, 'weight' | 'bias' | 'kind' | 'eps' | 'hasResidual'> & { readonly isKept: boolean };
  /**
   * The first columns are heads, which are rotated (`fuse-product-rope.ts`). The last input is then the result of a rotation step
   * (`rotation-tables.ts`).
   */
  readonly rotation?: RopeOptions;
}

/**
 * A norm of `groups` slices of each row of `x + residual`; inputs: x, the residual if present, and the term that is added to the result if
 * present (`fuse-norm-add.ts`).
 */
export interface NormStep<W> extends Common {
  readonly op: 'norm';
  readonly weight: W;
  readonly bias?: W;
  readonly kind: 'layer' | 'rms';
  readonly eps: number;
  readonly groups: number;
  readonly hasResidual: boolean;
  readonly isAdded?: boolean;
  /** The slices are heads, which are rotated after the norm (`fuse-norm-rope.ts`). */
  readonly rotation?: RopeOptions;
  /** The weights of the slices from `from` on: keys, which follow the queries (`fuse-rotations.ts`). */
  readonly next?: { readonly weight: W; readonly bias?: W; readonly from: number };
}

/** Cosine and sine of each pair at each token's position: `[T, nRot]` (`rotation-tables.ts`). */
export interface RotationStep extends Common {
  readonly op: 'rotation';
  readonly options: RopeOptions;
}

/** Rotated heads; inputs: x, and the result of a rotation step if the backend stores angles among its intermediates. */
export interface RopeStep extends Common {
  readonly op: 'rope';
  readonly options: RopeOptions;
}

/** Inputs: queries, keys, values. */
export interface AttentionStep extends Common {
  readonly op: 'attention';
  readonly options: AttentionOptions;
}

/** A gated short convolution; input: its three parts side by side. */
export interface ShortConvStep<W> extends Common {
  readonly op: 'shortConv';
  readonly kernel: W;
  readonly causal: boolean;
}

/** The rows around each token side by side. */
export interface UnfoldStep extends Common {
  readonly op: 'unfold';
  readonly size: number;
}

/** `activation(gate) · up`; inputs: gate, up. */
export interface GluStep extends Common {
  readonly op: 'glu';
  readonly activation: Activation;
}

/** A mixture of experts; its weights are the backend's own. */
export interface MoeStep extends Common {
  readonly op: 'moe';
  readonly options: MoeOptions;
}

/** `a + factor · b`; inputs: a, b. */
export interface AddStep extends Common {
  readonly op: 'add';
  /** Default 1. */
  readonly factor?: number;
}

/** An element-wise function. */
export interface ActivateStep extends Common {
  readonly op: 'activate';
  readonly activation: Activation | RareActivation;
}

/** Softmax of each row. */
export interface SoftmaxStep extends Common {
  readonly op: 'softmax';
}

/** Columns from `start` on of the rows that tokens are given. They are added to the row of `inputs[0]`, or replace it. */
export interface GivenStep extends Common {
  readonly op: 'given';
  readonly start: number;
  readonly isAdded: boolean;
}

/** All inputs side by side. */
export interface ConcatStep extends Common {
  readonly op: 'concat';
}

/** One row for each sequence, from rows of tokens. A copy if there are no other rows. */
export interface PoolStep extends Common {
  readonly op: 'pool';
  readonly kind: Exclude<PoolKind, 'none'>;
  /** The batch says where pooling begins: the first pooled token of a sequence may be a later one. */
  readonly isLate?: boolean;
}

/** One recorded operation over weights of the form `W`. */
export type Step<W extends Weight = Weight> =
  | EmbeddingStep<W>
  | LinearStep<W>
  | NormStep<W>
  | RotationStep
  | RopeStep
  | AttentionStep
  | ShortConvStep<W>
  | UnfoldStep
  | GluStep
  | MoeStep
  | AddStep
  | ActivateStep
  | SoftmaxStep
  | GivenStep
  | ConcatStep
  | PoolStep;

/** The step of an operation. */
export type StepOf<Op extends Step['op'], W extends Weight = Weight> = Extract<Step<W>, { readonly op: Op }>;
