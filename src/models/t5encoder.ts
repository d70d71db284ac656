/**
 * @file The encoder of T5 (Raffel et al. 2019) and T5 1.1 (gated): pre-norm with RMS norms, a learned bias for the distance
 * of two tokens instead of positions, unscaled scores.
 *
 * llama.cpp's mask follows `attention.causal`, whose default is wrong for an encoder. In T5, a token sees the whole text.
 */
import type { Ops, Tensor } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { gatedMlp, mlp } from './feed-forward.ts';
import { t5encoderNames } from './names/pre-norm.ts';
import { noClassifier } from './pooling.ts';
import { selfAttention } from './self-attention.ts';

export const t5encoder: Architecture = {
  id: 't5encoder',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nEmbdHeadK, nEmbdHeadV, nHead, nHeadKv, nFf, nVocab } = hparams;
    const norm = { kind: 'rms', eps: keys.positiveF32('attention.layer_norm_rms_epsilon') } as const;
    const nBuckets = keys.u32('attention.relative_buckets_count');
    if (nBuckets < 4) throw keys.error('attention.relative_buckets_count', `is ${nBuckets}; at least 4 are required`);
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const layers = loader.layers((blk, il) => {
      const widths = { q: nEmbdHeadK * nHead[il], k: nEmbdHeadK * nHeadKv[il], v: nEmbdHeadV * nHeadKv[il] };
      const relB = `${blk}.attn_rel_b`;
      return {
        attnNorm: loader.norm(`${blk}.attn_norm`, nEmbd),
        qkv: {
          widths,
          q: loader.linear(`${blk}.attn_q`, nEmbd, widths.q, 'none'),
          k: loader.linear(`${blk}.attn_k`, nEmbd, widths.k, 'none'),
          v: loader.linear(`${blk}.attn_v`, nEmbd, widths.v, 'none'),
        },
        attnRelB: il === 0 || loader.has(relB) ? loader.table(relB, nHead[il], nBuckets) : undefined,
        attnOutput: loader.linear(`${blk}.attn_o`, nEmbdHeadV * nHead[il], nEmbd, 'none'),
        ffnNorm: loader.norm(`${blk}.ffn_norm`, nEmbd),
        gate: loader.optional(`${blk}.ffn_gate`, (name) => loader.linear(name, nEmbd, nFf[il], 'none')),
        up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il], 'none'),
        down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'none'),
      };
    }, 'enc.blk');
    const outputNorm = loader.norm('enc.output_norm', nEmbd);
    loader.ignore('output.weight');
    const classifier = noClassifier(loader);

    const block = (ops: Ops, x: Tensor, w: (typeof layers)[number], il: number): Tensor => {
      const { gate, up, down } = w;
      const attention = { scale: 1, relativeBias: w.attnRelB ?? layers[0].attnRelB };
      const normed = ops.norm(x, w.attnNorm, norm);
      const heads = selfAttention(ops, normed, w.qkv, hparams, il, attention); // [T, nHead · headSizeV]
      const h = ops.linear(heads, w.attnOutput, { residual: x }); // [T, nHead · headSizeV] → [T, nEmbd]
      const ffnNormed = ops.norm(h, w.ffnNorm, norm);
      if (gate === undefined) return mlp(ops, ffnNormed, w, 'relu', h);
      return gatedMlp(ops, ffnNormed, { gate, up, down }, 'gelu', h);
    };

    return {
      hparams,
      names: t5encoderNames,
      forward(ops) {
        let x = ops.embedding(tokenEmbd, 'ids'); // [T, nEmbd]
        layers.forEach((w, il) => {
          x = block(ops, x, w, il);
        });
        return ops.norm(x, outputNorm, norm); // [T, nEmbd]
      },
      heads: { classifier },
    };
  },
};
