/**
 * @file Nomic BERT with experts (Nussbaum & Duderstadt 2025: nomic-embed-text v2): rotary positions, post-norm, with a mixture of
 * experts in every n-th feed-forward layer. Its weights are the router's probabilities, not normalised again.
 */
import type { Linear, MoeOptions } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { mlp } from './feed-forward.ts';
import { nomicBertMoeNames } from './names/bert.ts';
import { noClassifier } from './pooling.ts';
import { buildPostNorm } from './post-norm.ts';
import type { WeightLoader } from './weights.ts';

export const nomicBertMoe: Architecture = {
  id: 'nomic-bert-moe',
  build(loader) {
    const moeEvery = loader.keys.u32('moe_every_n_layers', 0);
    return buildPostNorm(loader, {
      attention: { rope: { kind: 'neox' } },
      declareFeedForward: (blk, il) =>
        moeEvery > 0 && il % moeEvery === 1 ? declareExperts(loader, blk, il) : declareMlp(loader, blk, il),
      feedForward: (ops, x, w) => ('router' in w ? ops.moe(x, w) : mlp(ops, x, w, 'gelu')),
      classifier: () => noClassifier(loader),
      names: nomicBertMoeNames,
    });
  },
};

function declareExperts(loader: WeightLoader, blk: string, il: number): MoeOptions {
  const { nEmbd, nFf, nExpert, nExpertUsed } = loader.hparams;
  return {
    router: loader.router(`${blk}.ffn_gate_inp`, nEmbd, nExpert),
    up: loader.experts(`${blk}.ffn_up_exps`, nEmbd, nFf[il], nExpert),
    down: loader.experts(`${blk}.ffn_down_exps`, nFf[il], nEmbd, nExpert),
    nUsed: nExpertUsed,
    activation: 'gelu',
  };
}

function declareMlp(loader: WeightLoader, blk: string, il: number): { up: Linear; down: Linear } {
  const { nEmbd, nFf } = loader.hparams;
  return {
    up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
    down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
  };
}
