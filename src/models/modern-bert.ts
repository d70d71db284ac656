/**
 * @file ModernBERT (Warner et al. 2024: ModernBERT, gte-modernbert, granite-embedding r2): pre-norm, rotary positions,
 * GeGLU, and a sliding window in all layers except every third. The first layer has no norm before its attention.
 */
import type { Activation, Ops, Tensor } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { fusedGatedMlp } from './feed-forward.ts';
import { geluOf } from './gelu.ts';
import { modernBertNames } from './names/pre-norm.ts';
import { type Classifier, noClassifier } from './pooling.ts';
import { declareFusedQkv, selfAttention } from './self-attention.ts';
import { readSlidingWindow } from './sliding-window.ts';

/** Maps `hidden_activation` in the file to the gate's function; any other value is GELU, as in llama.cpp. */
const activations: ReadonlyMap<string, Activation> = new Map([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['swiglu', 'silu'],
  ['relu', 'relu'],
  ['reglu', 'relu'],
]);

export const modernBert: Architecture = {
  id: 'modern-bert',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nEmbdHeadV, nHead, nFf, nVocab, nClsOut } = hparams;
    const eps = keys.positiveF32('attention.layer_norm_epsilon');
    const norm = { kind: 'layer', eps } as const;
    const local = readSlidingWindow(loader, 'symmetric', { period: 3, dense: 'first', size: 0 });
    const activation = activations.get(keys.string('hidden_activation', 'gelu')) ?? geluOf(loader);
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const tokenEmbdNorm = loader.norm('token_embd_norm', nEmbd);
    const layers = loader.layers((blk, il) => ({
      attnNorm:
        il === 0
          ? loader.optional(`${blk}.attn_norm`, (name) => loader.norm(name, nEmbd))
          : loader.norm(`${blk}.attn_norm`, nEmbd),
      qkv: declareFusedQkv(loader, blk, il),
      attnOutput: loader.linear(`${blk}.attn_output`, nEmbdHeadV * nHead[il], nEmbd, 'none'),
      ffnNorm: loader.norm(`${blk}.ffn_norm`, nEmbd),
      up: loader.linear(`${blk}.ffn_up`, nEmbd, 2 * nFf[il], 'none'),
      down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'none'),
    }));
    const outputNorm = loader.norm('output_norm', nEmbd);
    const classifier: Classifier = {
      ...noClassifier(loader),
      row: 'mean',
      activation: 'gelu',
      dense: loader.optional('cls', (name) => loader.linear(name, nEmbd, nEmbd, 'none')),
      norm: loader.optional('cls.norm', (name) => ({ ...loader.norm(name, nEmbd), eps })),
      output: loader.optional('cls.output', (name) => loader.linear(name, nEmbd, nClsOut)),
    };

    const block = (ops: Ops, x: Tensor, w: (typeof layers)[number], il: number): Tensor => {
      const window = local.windows[il];
      const rope = { kind: 'neox', parameters: window && local.rope } as const;
      const normed = w.attnNorm === undefined ? x : ops.norm(x, w.attnNorm, norm);
      const heads = selfAttention(ops, normed, w.qkv, hparams, il, { rope, window }); // [T, nHead · headSizeV]
      const h = ops.linear(heads, w.attnOutput, { residual: x }); // [T, nHead · headSizeV] → [T, nEmbd]
      return fusedGatedMlp(ops, ops.norm(h, w.ffnNorm, norm), w, activation, h);
    };

    return {
      hparams,
      names: modernBertNames,
      forward(ops) {
        let x = ops.norm(ops.embedding(tokenEmbd, 'ids'), tokenEmbdNorm, norm); // [T, nEmbd]
        layers.forEach((w, il) => {
          x = block(ops, x, w, il);
        });
        return ops.norm(x, outputNorm, norm); // [T, nEmbd]
      },
      heads: { classifier },
    };
  },
};
