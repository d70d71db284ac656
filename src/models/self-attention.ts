/**
 * @file Multi-head self-attention up to the output projection: query, key and value projections (three matrices, or one
 * whose rows are all queries, all keys, all values), norms of queries and keys, rotation, softmax.
 */
import type { AttentionOptions, Linear, NormWeights, Ops, Tensor, Weight } from '../tensor/ops.ts';
import type { HyperParameters } from './hparams.ts';
import { type RopeParameters, ropeOptions } from './rope.ts';
import type { WeightLoader } from './weights.ts';

/** Widths of query, key and value rows in one layer. */
interface QkvWidths {
  readonly q: number;
  readonly k: number;
  readonly v: number;
}

/** The projections as the file has them. */
export type QkvWeights =
  | { readonly widths: QkvWidths; readonly fused: Linear }
  | { readonly widths: QkvWidths; readonly q: Linear; readonly k: Linear; readonly v: Linear };

/** Norms of queries and keys after the projection: an RMS norm of each head, or a layer norm of all heads together. */
export interface QkNorms {
  readonly kind: 'layer' | 'rms';
  readonly eps: number;
  readonly q?: NormWeights;
  readonly k?: NormWeights;
}

/** What is special about an attention layer. The scale is `1 / √headSize` unless given. */
export interface SelfAttentionOptions extends Partial<Omit<AttentionOptions, 'nHead' | 'nHeadKv'>> {
  readonly qkNorms?: QkNorms;
  /** Rotate queries and keys, by the file's `parameters` unless others are given. */
  readonly rope?: {
    readonly kind: 'norm' | 'neox';
    readonly parameters?: RopeParameters;
    readonly freqFactors?: Weight;
  };
}

function widthsOf({ nHead, nHeadKv, nEmbdHeadK, nEmbdHeadV }: HyperParameters, il: number): QkvWidths {
  return { q: nEmbdHeadK * nHead[il], k: nEmbdHeadK * nHeadKv[il], v: nEmbdHeadV * nHeadKv[il] };
}

/** `<blk>.attn_qkv` if the file has it, else `<blk>.attn_q`, `attn_k` and `attn_v`; biases as the file has them. */
export function declareQkv(loader: WeightLoader, blk: string, il: number): QkvWeights {
  if (loader.has(`${blk}.attn_qkv`)) return declareFusedQkv(loader, blk, il);
  const widths = widthsOf(loader.hparams, il);
  const { nEmbd } = loader.hparams;
  return {
    widths,
    q: loader.linear(`${blk}.attn_q`, nEmbd, widths.q),
    k: loader.linear(`${blk}.attn_k`, nEmbd, widths.k),
    v: loader.linear(`${blk}.attn_v`, nEmbd, widths.v),
  };
}

/** `<blk>.attn_qkv`, with its own bias or with the three separate ones. */
export function declareFusedQkv(loader: WeightLoader, blk: string, il: number): QkvWeights {
  const widths = widthsOf(loader.hparams, il);
  const { q, k, v } = widths;
  const name = `${blk}.attn_qkv`;
  const fused = loader.linear(name, loader.hparams.nEmbd, q + k + v);
  const parts = [
    [`${blk}.attn_q`, q],
    [`${blk}.attn_k`, k],
    [`${blk}.attn_v`, v],
  ] as const;
  return { widths, fused: { ...fused, bias: fused.bias ?? loader.joinedBias(name, parts) } };
}

/** `<blk>.attn_output`, from the heads side by side back to `nEmbd`. */
export function declareAttnOutput(loader: WeightLoader, blk: string, il: number): Linear {
  const { nHead, nEmbdHeadV, nEmbd } = loader.hparams;
  return loader.linear(`${blk}.attn_output`, nEmbdHeadV * nHead[il], nEmbd);
}

/** `[T, nEmbd]` → the heads side by side, `[T, nHead · headSizeV]`. */
export function selfAttention(
  ops: Ops,
  x: Tensor,
  weights: QkvWeights,
  hparams: HyperParameters,
  layer: number,
  options: SelfAttentionOptions = {},
): Tensor {
  const nHead = hparams.nHead[layer];
  const nHeadKv = hparams.nHeadKv[layer];
  const { qkNorms, rope, ...attention } = options;
  let [q, k, v] = project(ops, x, weights, layer);
  if (qkNorms !== undefined) {
    q = headNorm(ops, q, qkNorms.q, qkNorms, nHead, 'Qcur', layer);
    k = headNorm(ops, k, qkNorms.k, qkNorms, nHeadKv, 'Kcur', layer);
  }
  if (rope !== undefined) {
    const { kind, parameters = hparams.rope, freqFactors } = rope;
    const rotation = ropeOptions(parameters, kind, freqFactors);
    q = ops.rope(q, { ...rotation, nHead, names: { out: 'Qcur' }, layer });
    k = ops.rope(k, { ...rotation, nHead: nHeadKv, names: { out: 'Kcur' }, layer });
  }
  return ops.attention(q, k, v, {
    scale: 1 / Math.sqrt(hparams.nEmbdHeadK),
    ...attention,
    nHead,
    nHeadKv,
    names: { scores: 'kq', probabilities: 'kq_soft_max', out: 'kqv_out' },
    layer,
  });
}

function project(ops: Ops, x: Tensor, weights: QkvWeights, layer: number): [q: Tensor, k: Tensor, v: Tensor] {
  if ('fused' in weights) {
    const { q, k, v } = weights.widths;
    const qkv = ops.linear(x, weights.fused, { names: { product: 'wqkv', biased: 'wqkv_b' }, layer });
    return [
      ops.columns(qkv, 0, q, { names: { out: 'Qcur' }, layer }),
      ops.columns(qkv, q, k, { names: { out: 'Kcur' }, layer }),
      ops.columns(qkv, q + k, v, { names: { out: 'Vcur' }, layer }),
    ];
  }
  const linear = (w: Linear, name: string) =>
    ops.linear(x, w, { names: { product: w.bias && name, out: name }, layer });
  return [linear(weights.q, 'Qcur'), linear(weights.k, 'Kcur'), linear(weights.v, 'Vcur')];
}

function headNorm(
  ops: Ops,
  x: Tensor,
  weights: NormWeights | undefined,
  { kind, eps }: QkNorms,
  nHead: number,
  name: string,
  layer: number,
): Tensor {
  if (weights === undefined) return x;
  if (kind === 'layer') {
    return ops.norm(x, weights, { kind, eps, names: { normed: 'norm', scaled: 'norm_w', out: name }, layer });
  }
  return ops.norm(x, weights, { kind, eps, groups: nHead, names: { normed: 'norm', out: `${name}_normed` }, layer });
}
