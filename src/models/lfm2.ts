/**
 * @file LFM2 (Liquid AI 2025): most layers mix neighbouring tokens by a gated short convolution, the others by attention with norms of
 * queries and keys. Embedders (LFM2-ColBERT, LFM2.5-Embedding) are bidirectional: attention sees the whole text, and the window of the
 * convolution has its token in the middle.
 */
import type { Linear, Ops, Tensor, Weight } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { gatedMlp } from './feed-forward.ts';
import { lfm2Names } from './names/decoder.ts';
import { noClassifier } from './pooling.ts';
import { declareAttnOutput, declareQkv, selfAttention } from './self-attention.ts';
import { readSlidingWindow } from './sliding-window.ts';
import type { WeightLoader } from './weights.ts';

export const lfm2: Architecture = {
  id: 'lfm2',
  hasConvolutions: true,
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nEmbdHeadK, nFf, nVocab, causal } = hparams;
    const norm = { kind: 'rms', eps: keys.positiveF32('attention.layer_norm_rms_epsilon') } as const;
    const { windows } = readSlidingWindow(loader, 'standard', { period: 0, dense: 'last', size: 0 });
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const layers = loader.layers((blk, il) => ({
      attnNorm: loader.norm(`${blk}.attn_norm`, nEmbd),
      mixer: hparams.nHeadKv[il] === 0 ? declareShortConv(loader, blk) : declareAttention(loader, blk, il),
      ffnNorm: loader.norm(`${blk}.ffn_norm`, nEmbd),
      gate: loader.linear(`${blk}.ffn_gate`, nEmbd, nFf[il], 'none'),
      up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il], 'none'),
      down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'none'),
    }));
    // The norm after the last layer; the name in llama.cpp's files is that of a norm of the embeddings.
    const outputNorm = loader.norm('token_embd_norm', nEmbd);
    loader.ignore('output.weight');
    // LFM2-ColBERT maps the vector of each token.
    const dense = loader.optional('dense_2', (name) => loader.linear(name, nEmbd, loader.dimension(name, 1) ?? 0));

    function declareAttention(from: WeightLoader, blk: string, il: number) {
      return {
        qkv: declareQkv(from, blk, il),
        qkNorms: {
          ...norm,
          q: from.norm(`${blk}.attn_q_norm`, nEmbdHeadK),
          k: from.norm(`${blk}.attn_k_norm`, nEmbdHeadK),
        },
        output: declareAttnOutput(from, blk, il),
      };
    }

    const mix = (ops: Ops, x: Tensor, { mixer }: (typeof layers)[number], il: number, residual: Tensor): Tensor => {
      if ('kernel' in mixer) return shortConv(ops, x, mixer, causal, residual);
      const { qkv, qkNorms, output } = mixer;
      const options = { causal, window: windows[il], rope: { kind: 'neox' }, qkNorms } as const;
      return ops.linear(selfAttention(ops, x, qkv, hparams, il, options), output, { residual });
    };

    return {
      hparams,
      names: lfm2Names,
      forward(ops) {
        let x = ops.embedding(tokenEmbd, 'ids'); // [T, nEmbd]
        layers.forEach((w, il) => {
          const h = mix(ops, ops.norm(x, w.attnNorm, norm), w, il, x); // [T, nEmbd]
          x = gatedMlp(ops, ops.norm(h, w.ffnNorm, norm), w, 'silu', h);
        });
        return ops.norm(x, outputNorm, norm); // [T, nEmbd]
      },
      heads: { classifier: noClassifier(loader), dense: dense === undefined ? [] : [dense] },
    };
  },
};

/** Most tokens under the kernel of a convolution; LFM2 has 3. */
const MAX_TAPS = 64;

/** A convolution with the products around it. */
interface ShortConv {
  readonly inProj: Linear;
  readonly kernel: Weight;
  readonly outProj: Linear;
}

function declareShortConv(loader: WeightLoader, blk: string): ShortConv {
  const { nEmbd } = loader.hparams;
  const nTaps = loader.keys.u32('shortconv.l_cache');
  if (nTaps > MAX_TAPS) throw loader.keys.error('shortconv.l_cache', `is ${nTaps}; at most ${MAX_TAPS} are supported`);
  return {
    inProj: loader.linear(`${blk}.shortconv.in_proj`, nEmbd, 3 * nEmbd, 'none'),
    kernel: loader.taps(`${blk}.shortconv.conv`, nTaps, nEmbd),
    outProj: loader.linear(`${blk}.shortconv.out_proj`, nEmbd, nEmbd, 'none'),
  };
}

/** `out(c · conv(b · x)) + residual`, where `b`, `c` and `x` are one product: `[T, nEmbd]` → `[T, nEmbd]`. */
function shortConv(ops: Ops, x: Tensor, w: ShortConv, causal: boolean, residual: Tensor): Tensor {
  const bcx = ops.linear(x, w.inProj); // [T, nEmbd] → [T, 3 nEmbd]
  return ops.linear(ops.shortConv(bcx, w.kernel, { causal }), w.outProj, { residual });
}
