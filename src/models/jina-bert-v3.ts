/**
 * @file Jina embeddings v3 (Sturua et al. 2024): XLM-R with rotary instead of learned positions, post-norm. Its task
 * adapters are separate files; without one, the base weights are used.
 */
import type { Architecture } from './architecture.ts';
import { mlp } from './feed-forward.ts';
import { geluOf } from './gelu.ts';
import { jinaBertV3Names } from './names/bert.ts';
import { noClassifier } from './pooling.ts';
import { buildPostNorm } from './post-norm.ts';

export const jinaBertV3: Architecture = {
  id: 'jina-bert-v3',
  build(loader) {
    const { nEmbd, nFf } = loader.hparams;
    const activation = geluOf(loader);
    return buildPostNorm(loader, {
      attention: { rope: { kind: 'neox' } },
      declareFeedForward: (blk, il) => ({
        up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
        down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
      }),
      feedForward: (ops, x, w) => mlp(ops, x, w, activation),
      classifier: () => noClassifier(loader),
      names: jinaBertV3Names,
    });
  },
};
