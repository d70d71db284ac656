/**
 * @file The block of Gemma (Gemma Team 2024, 2025): RMS norms before attention and feed-forward, from Gemma 2 on also behind them, GeGLU,
 * sliding windows in most layers. Embeddings are multiplied by √nEmbd. Norm weights in the file contain Gemma's "+1".
 */
import type { Linear, NormWeights, Ops, Tensor } from '../tensor/ops.ts';
import type { Model } from './architecture.ts';
import { gatedMlp } from './feed-forward.ts';
import { gemmaNames } from './names/gemma.ts';
import type { StepNameTable } from './names/step-names.ts';
import { type Classifier, noClassifier } from './pooling.ts';
import { declareAttnOutput, declareQkv, selfAttention } from './self-attention.ts';
import type { SlidingWindow } from './sliding-window.ts';
import type { WeightLoader } from './weights.ts';

/** The differences between the models of this form. */
export interface GemmaOptions {
  readonly causal: boolean;
  /** Default: no layer has a window. */
  readonly local?: SlidingWindow;
  /** RMS norms behind attention and feed-forward. Default: true. */
  readonly postNorms?: boolean;
  /** An RMS norm of each query and key head before the rotation. */
  readonly qkNorms: boolean;
  /** Factor on QKᵀ; default `1 / √headSize`. */
  readonly scale?: number;
  /** `c · tanh(score / c)`. */
  readonly softcap?: number;
  /** Default: as in Gemma 2 and 3. */
  readonly names?: StepNameTable;
  /** Declares the classifier, after the weights of the layers. Default: none. */
  readonly classifier?: () => Classifier | undefined;
  /** Declares linear layers over the pooled vector, after all other weights. */
  readonly dense?: () => readonly Linear[];
}

/** Declares the weights of a model of this form and builds it. */
export function buildGemma(loader: WeightLoader, options: GemmaOptions): Model {
  const { hparams, keys } = loader;
  const { nEmbd, nEmbdHeadK, nFf, nVocab } = hparams;
  const { causal, local, softcap, postNorms = true, names = gemmaNames } = options;
  const scale = options.scale ?? 1 / Math.sqrt(nEmbdHeadK);
  const norm = { kind: 'rms', eps: keys.positiveF32('attention.layer_norm_rms_epsilon') } as const;
  const headNorm = (name: string): NormWeights | undefined =>
    options.qkNorms ? loader.norm(name, nEmbdHeadK) : undefined;
  const postNorm = (name: string): NormWeights | undefined => (postNorms ? loader.norm(name, nEmbd) : undefined);

  const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
  const layers = loader.layers((blk, il) => ({
    attnNorm: loader.norm(`${blk}.attn_norm`, nEmbd),
    qkv: declareQkv(loader, blk, il),
    qkNorms: { ...norm, q: headNorm(`${blk}.attn_q_norm`), k: headNorm(`${blk}.attn_k_norm`) },
    attnOutput: declareAttnOutput(loader, blk, il),
    postAttentionNorm: postNorm(`${blk}.post_attention_norm`),
    ffnNorm: loader.norm(`${blk}.ffn_norm`, nEmbd),
    gate: loader.linear(`${blk}.ffn_gate`, nEmbd, nFf[il], 'none'),
    up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il], 'none'),
    down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'none'),
    postFfwNorm: postNorm(`${blk}.post_ffw_norm`),
  }));
  const outputNorm = loader.norm('output_norm', nEmbd);
  loader.ignore('output.weight');
  const heads = { classifier: options.classifier?.() ?? noClassifier(loader), dense: options.dense?.() };

  const block = (ops: Ops, x: Tensor, w: (typeof layers)[number], il: number): Tensor => {
    const window = local?.windows[il];
    const rope = { kind: 'neox', parameters: window && local?.rope } as const;
    const attention = { causal, window, softcap, scale, rope, qkNorms: w.qkNorms };
    const normed = ops.norm(x, w.attnNorm, norm);
    const heads = selfAttention(ops, normed, w.qkv, hparams, il, attention); // [T, nHead · headSizeV]
    const { postAttentionNorm, postFfwNorm } = w;
    if (postAttentionNorm === undefined || postFfwNorm === undefined) {
      const h = ops.linear(heads, w.attnOutput, { residual: x }); // [T, nHead · headSizeV] → [T, nEmbd]
      return gatedMlp(ops, ops.norm(h, w.ffnNorm, norm), w, 'gelu', h); // [T, nEmbd] → [T, nEmbd]
    }
    const attn = ops.linear(heads, w.attnOutput); // [T, nHead · headSizeV] → [T, nEmbd]
    const h = ops.add(ops.norm(attn, postAttentionNorm, norm), x);
    const ffn = gatedMlp(ops, ops.norm(h, w.ffnNorm, norm), w, 'gelu'); // [T, nEmbd] → [T, nEmbd]
    return ops.add(ops.norm(ffn, postFfwNorm, norm), h);
  };

  return {
    hparams,
    names,
    images: { width: nEmbd, positions: 'sequence' },
    forward(ops) {
      const tokens = ops.embedding(tokenEmbd, 'ids', { scale: Math.fround(Math.sqrt(nEmbd)) });
      let x = ops.given(0, nEmbd, { instead: tokens }); // [T, nEmbd]
      layers.forEach((w, il) => {
        x = block(ops, x, w, il);
      });
      return ops.norm(x, outputNorm, norm); // [T, nEmbd]
    },
    heads,
  };
}
