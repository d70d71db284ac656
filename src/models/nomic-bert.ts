/**
 * @file Nomic BERT (Nussbaum et al. 2024: nomic-embed-text v1 and v1.5): BERT with rotary positions and a SwiGLU
 * feed-forward, post-norm.
 */
import type { Architecture } from './architecture.ts';
import { gatedMlp } from './feed-forward.ts';
import { nomicBertNames } from './names/bert.ts';
import { noClassifier } from './pooling.ts';
import { buildPostNorm } from './post-norm.ts';

export const nomicBert: Architecture = {
  id: 'nomic-bert',
  build(loader) {
    const { nEmbd, nFf } = loader.hparams;
    return buildPostNorm(loader, {
      attention: { rope: { kind: 'neox' } },
      declareFeedForward: (blk, il) => ({
        gate: loader.linear(`${blk}.ffn_gate`, nEmbd, nFf[il], 'ignored'),
        up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il], 'ignored'),
        down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'ignored'),
      }),
      feedForward: (ops, x, w) => gatedMlp(ops, x, w, 'silu'),
      classifier: () => noClassifier(loader),
      names: nomicBertNames,
    });
  },
};
