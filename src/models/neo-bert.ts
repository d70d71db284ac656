/**
 * @file NeoBERT (Le Breton et al. 2025): pre-norm with RMS norms, rotary positions on adjacent pairs, SwiGLU.
 */
import type { Ops, Tensor } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { fusedGatedMlp } from './feed-forward.ts';
import { neoBertNames } from './names/pre-norm.ts';
import { declareClassifier } from './pooling.ts';
import { declareAttnOutput, declareFusedQkv, selfAttention } from './self-attention.ts';

export const neoBert: Architecture = {
  id: 'neo-bert',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nFf, nVocab } = hparams;
    const norm = { kind: 'rms', eps: keys.positiveF32('attention.layer_norm_rms_epsilon') } as const;
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const layers = loader.layers((blk, il) => ({
      attnNorm: loader.norm(`${blk}.attn_norm`, nEmbd),
      qkv: declareFusedQkv(loader, blk, il),
      attnOutput: declareAttnOutput(loader, blk, il),
      ffnNorm: loader.norm(`${blk}.ffn_norm`, nEmbd),
      up: loader.linear(`${blk}.ffn_up`, nEmbd, 2 * nFf[il], 'none'),
      down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'none'),
    }));
    const outputNorm = loader.norm('enc.output_norm', nEmbd);
    const classifier = declareClassifier(loader);

    const block = (ops: Ops, x: Tensor, w: (typeof layers)[number], il: number): Tensor => {
      const normed = ops.norm(x, w.attnNorm, norm);
      const heads = selfAttention(ops, normed, w.qkv, hparams, il, { rope: { kind: 'norm' } }); // [T, nHead · headSizeV]
      const h = ops.linear(heads, w.attnOutput, { residual: x }); // [T, nHead · headSizeV] → [T, nEmbd]
      return fusedGatedMlp(ops, ops.norm(h, w.ffnNorm, norm), w, 'silu', h);
    };

    return {
      hparams,
      names: neoBertNames,
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
