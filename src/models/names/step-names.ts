/**
 * @file The form of the tables of llama.cpp's step names in this folder.
 *
 * The key of a step is the weight that it uses, without `blk.N.` and `.weight`. A step without a weight is found by its kind
 * and by the number of steps of that kind before it in the layer. Steps of a layer get its number as a suffix (`ffn_out-3`).
 * A step that is not in the table has no name.
 */
import type { Activation, Linear, NormWeights } from '../../tensor/ops.ts';

/** Names of the parts of one step; `out` is the whole step. */
export type PartNames<Part extends string> = Partial<Record<Part | 'out', string>>;

type LinearNames = PartNames<'product' | 'biased' | 'activated'>;
type NormNames = PartNames<'sum' | 'normed' | 'scaled'>;

/** llama.cpp's names of the steps of one architecture. */
export interface StepNameTable {
  /** By table. */
  readonly embedding: Readonly<Record<string, PartNames<'rows'>>>;
  /** By weight; some names depend on whether the layer has a bias, or on its activation. */
  readonly linear: Readonly<
    Record<string, LinearNames | ((layer: Linear, activation: Activation | undefined) => LinearNames)>
  >;
  /** By weight. */
  readonly norm: Readonly<Record<string, NormNames | ((weights: NormWeights) => NormNames)>>;
  /** In the order of the layer. */
  readonly rope?: readonly string[];
  readonly attention: PartNames<'scores' | 'probabilities'>;
  /** Of the short convolution. */
  readonly shortConv?: string;
  readonly glu?: (activation: Activation) => string;
  /** Of the mixture of experts. */
  readonly moe?: string;
  /** In the order of the layer. */
  readonly add?: readonly string[];
  /** The parts of a result that is split into columns, by the weight that made it. */
  readonly columns?: Readonly<Record<string, readonly string[]>>;
  /** The input of a norm after the last layer, by its weight. */
  readonly normInput?: Readonly<Record<string, string>>;
  /** The result of `forward`, if the last step has no name of its own. */
  readonly result?: string;
}

/** Queries, keys and values from three matrices or from one, rotated or not, then attention. */
export const attentionNames = {
  linear: {
    attn_q: projection('Qcur'),
    attn_k: projection('Kcur'),
    attn_v: projection('Vcur'),
    attn_qkv: { product: 'wqkv', biased: 'wqkv_b' },
  },
  rope: ['Qcur', 'Kcur'],
  attention: { scores: 'kq', probabilities: 'kq_soft_max', out: 'kqv_out' },
  columns: { attn_qkv: ['Qcur', 'Kcur', 'Vcur'] },
} as const satisfies Partial<StepNameTable>;

/** Per-head RMS norms of queries and keys. */
export const headNormNames = {
  attn_q_norm: { normed: 'norm', out: 'Qcur_normed' },
  attn_k_norm: { normed: 'norm', out: 'Kcur_normed' },
} as const satisfies StepNameTable['norm'];

/** The first matrices of a feed-forward layer, gated or not. */
export const feedForwardNames = {
  ffn_gate: { product: 'ffn_gate', biased: 'ffn_gate_b' },
  ffn_up: (_: Linear, activation: Activation | undefined) => ({
    product: 'ffn_up',
    biased: 'ffn_up_b',
    activated: activation && `ffn_${activation}`,
  }),
} as const satisfies StepNameTable['linear'];

const gatedActivations: Record<Activation, string> = {
  gelu: 'geglu',
  gelu_erf: 'geglu_erf',
  gelu_quick: 'geglu_quick',
  silu: 'swiglu',
  relu: 'reglu',
  tanh: 'tanhglu',
};

/** An activated gate. */
export const gluName = (activation: Activation): string => `ffn_${gatedActivations[activation]}`;

/** The last matrix of a feed-forward layer; `out` is the result with the residual. */
export function downProjection(out?: string) {
  return ({ bias }: Linear): LinearNames =>
    bias === undefined ? { product: 'ffn_out', out } : { product: 'ffn_down', biased: 'ffn_out', out };
}

function projection(name: string) {
  return ({ bias }: Linear): LinearNames => ({ product: bias && name, out: name });
}
