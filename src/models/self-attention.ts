/**
 * @file Multi-head self-attention up to the output projection: query, key and value projections (three matrices, or one
 * whose rows are all queries, all keys, all values), norms of queries and keys, rotation, softmax.
 */
import type { AttentionOptions, Linear, NormWeights, Ops, RopeCoordinates, Tensor, Weight } from '../tensor/ops.ts';
import type { HyperParameters } from './hparams.ts';
import { type RopeParameters, ropeOptions } from './rope.ts';
import type { ModelShape, WeightLoader } from './weights.ts';

/** What attention needs to know about a model. */
export type AttentionShape = Pick<
  HyperParameters,
  'nEmbd' | 'nHead' | 'nHeadKv' | 'nEmbdHeadK' | 'nEmbdHeadV' | 'rope'
>;
type Loader = WeightLoader<AttentionShape & ModelShape>;

/** Widths of query, key and value rows in one layer. */
interface QkvWidths {
  readonly q: number;
  readonly k: number;
  readonly v: number;
}

/** The projections, in the form of the file. */
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

/** Options of an attention layer. The default scale is `1 / √headSize`. */
export interface SelfAttentionOptions extends Partial<Omit<AttentionOptions, 'nHead' | 'nHeadKv'>> {
  readonly qkNorms?: QkNorms;
  /** Rotates queries and keys, by default with the `parameters` of the file. */
  readonly rope?: {
    readonly kind: 'norm' | 'neox';
    readonly parameters?: RopeParameters;
    readonly freqFactors?: Weight;
    readonly coordinates?: RopeCoordinates;
  };
}

function widthsOf({ nHead, nHeadKv, nEmbdHeadK, nEmbdHeadV }: AttentionShape, il: number): QkvWidths {
  return { q: nEmbdHeadK * nHead[il], k: nEmbdHeadK * nHeadKv[il], v: nEmbdHeadV * nHeadKv[il] };
}

/** `<blk>.attn_qkv` if the file has it, else `<blk>.attn_q`, `attn_k` and `attn_v`, with the biases of the file. */
export function declareQkv(loader: Loader, blk: string, il: number): QkvWeights {
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
export function declareFusedQkv(loader: Loader, blk: string, il: number): QkvWeights {
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

/** `<blk>.attn_output`, from the concatenated heads back to `nEmbd`. */
export function declareAttnOutput(loader: WeightLoader, blk: string, il: number): Linear {
  const { nHead, nEmbdHeadV, nEmbd } = loader.hparams;
  return loader.linear(`${blk}.attn_output`, nEmbdHeadV * nHead[il], nEmbd);
}

/** `[T, nEmbd]` → the concatenated heads, `[T, nHead · headSizeV]`. */
export function selfAttention(
  ops: Ops,
  x: Tensor,
  weights: QkvWeights,
  hparams: AttentionShape,
  layer: number,
  options: SelfAttentionOptions = {},
): Tensor {
  const nHead = hparams.nHead[layer];
  const nHeadKv = hparams.nHeadKv[layer];
  const { qkNorms, rope, ...attention } = options;
  let [q, k, v] = project(ops, x, weights); // [T, nHead · headSize], [T, nHeadKv · headSize], [T, nHeadKv · headSizeV]
  if (qkNorms !== undefined) {
    q = headNorm(ops, q, qkNorms.q, qkNorms, nHead);
    k = headNorm(ops, k, qkNorms.k, qkNorms, nHeadKv);
  }
  if (rope !== undefined) {
    const { kind, parameters = hparams.rope, freqFactors, coordinates } = rope;
    const rotation = { ...ropeOptions(parameters, kind, freqFactors), coordinates };
    q = ops.rope(q, { ...rotation, nHead });
    k = ops.rope(k, { ...rotation, nHead: nHeadKv });
  }
  return ops.attention(q, k, v, { scale: 1 / Math.sqrt(hparams.nEmbdHeadK), ...attention, nHead, nHeadKv });
}

function project(ops: Ops, x: Tensor, weights: QkvWeights): [q: Tensor, k: Tensor, v: Tensor] {
  if ('fused' in weights) {
    const { q, k, v } = weights.widths;
    const qkv = ops.linear(x, weights.fused); // [T, nEmbd] → [T, q + k + v]
    return [ops.columns(qkv, 0, q), ops.columns(qkv, q, k), ops.columns(qkv, q + k, v)];
  }
  return [
    ops.linear(x, weights.q), // [T, nEmbd] → [T, nHead · headSize]
    ops.linear(x, weights.k), // [T, nEmbd] → [T, nHeadKv · headSize]
    ops.linear(x, weights.v), // [T, nEmbd] → [T, nHeadKv · headSizeV]
  ];
}

/** An RMS norm of each head, or a layer norm of all heads together. */
function headNorm(
  ops: Ops,
  x: Tensor,
  weights: NormWeights | undefined,
  { kind, eps }: QkNorms,
  nHead: number,
): Tensor {
  if (weights === undefined) return x;
  return ops.norm(x, weights, { kind, eps, groups: kind === 'rms' ? nHead : undefined });
}
