/**
 * @file The Gemma 2/3 block (Gemma Team 2024, 2025): RMS norms before and after attention and feed-forward, GeGLU,
 * windows of the text in most layers. Embeddings are multiplied by √nEmbd. Norm weights in the file contain Gemma's "+1".
 */
import type { Linear, NormWeights } from '../tensor/ops.ts';
import type { Model } from './architecture.ts';
import { gatedMlp } from './feed-forward.ts';
import { noClassifier } from './pooling.ts';
import { declareAttnOutput, declareQkv, selfAttention } from './self-attention.ts';
import type { SlidingWindow } from './sliding-window.ts';
import type { WeightLoader } from './weights.ts';

/** What differs between the models of this form. */
export interface GemmaOptions {
  readonly causal: boolean;
  readonly local: SlidingWindow;
  /** An RMS norm of each query and key head before the rotation. */
  readonly qkNorms: boolean;
  /** Factor on QKᵀ; default `1 / √headSize`. */
  readonly scale?: number;
  /** `c · tanh(score / c)`. */
  readonly softcap?: number;
  /** Declares linear layers over the pooled vector, after all else. */
  readonly dense?: () => readonly Linear[];
}

/** Declares the weights of a model of this form and makes it. */
export function buildGemma(loader: WeightLoader, options: GemmaOptions): Model {
  const { hparams, keys } = loader;
  const { nEmbd, nEmbdHeadK, nFf, nVocab } = hparams;
  const { causal, local, softcap } = options;
  const scale = options.scale ?? 1 / Math.sqrt(nEmbdHeadK);
  const norm = { kind: 'rms', eps: keys.f32('attention.layer_norm_rms_epsilon') } as const;
  const headNorm = (name: string): NormWeights | undefined =>
    options.qkNorms ? loader.norm(name, nEmbdHeadK) : undefined;

  const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
  const layers = loader.layers((blk, il) => ({
    attnNorm: loader.norm(`${blk}.attn_norm`, nEmbd),
    qkv: declareQkv(loader, blk, il),
    qkNorms: { ...norm, q: headNorm(`${blk}.attn_q_norm`), k: headNorm(`${blk}.attn_k_norm`) },
    attnOutput: declareAttnOutput(loader, blk, il),
    postAttentionNorm: loader.norm(`${blk}.post_attention_norm`, nEmbd),
    ffnNorm: loader.norm(`${blk}.ffn_norm`, nEmbd),
    gate: loader.linear(`${blk}.ffn_gate`, nEmbd, nFf[il], 'none'),
    up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il], 'none'),
    down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'none'),
    postFfwNorm: loader.norm(`${blk}.post_ffw_norm`, nEmbd),
  }));
  const outputNorm = loader.norm('output_norm', nEmbd);
  loader.ignore('output.weight');
  const heads = { classifier: noClassifier(loader), dense: options.dense?.() };

  return {
    hparams,
    forward(ops) {
      const embdScale = Math.fround(Math.sqrt(nEmbd));
      let x = ops.embedding(tokenEmbd, 'ids', { scale: embdScale, names: { rows: 'embd', out: 'inp_scaled' } });

      layers.forEach((w, layer) => {
        const window = local.windows[layer];
        const rope = { kind: 'neox', parameters: window && local.rope } as const;
        const attention = { causal, window, softcap, scale, rope, qkNorms: w.qkNorms };
        const normed = ops.norm(x, w.attnNorm, { ...norm, names: { normed: 'norm', out: 'attn_norm' }, layer });
        const attended = selfAttention(ops, normed, w.qkv, hparams, layer, attention);
        const attn = ops.linear(attended, w.attnOutput);
        const names = { normed: 'norm', out: 'attn_post_norm' };
        const attnNormed = ops.norm(attn, w.postAttentionNorm, { ...norm, names, layer });
        const h = ops.add(attnNormed, x, { names: { out: 'sa_out' }, layer });

        const ffnNormed = ops.norm(h, w.ffnNorm, { ...norm, names: { normed: 'norm', out: 'ffn_norm' }, layer });
        const ffn = gatedMlp(ops, ffnNormed, w, 'gelu', { layer });
        const ffnPost = ops.norm(ffn, w.postFfwNorm, { ...norm, names: { out: 'ffn_post_norm' }, layer });
        x = ops.add(ffnPost, h, { names: { out: 'l_out' }, layer });
      });
      return ops.norm(x, outputNorm, { ...norm, names: { normed: 'norm', out: 'result_norm' } });
    },
    heads,
  };
}
