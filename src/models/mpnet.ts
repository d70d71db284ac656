/**
 * @file MPNet (Song et al. 2020; all-mpnet-base-v2): BERT with a learned bias for the distance of two tokens, in buckets as in T5, which all
 * layers share, beside its learned positions.
 */
import type { Architecture } from './architecture.ts';
import { mlp } from './feed-forward.ts';
import { bertNames } from './names/bert.ts';
import { declareClassifier, geluOf } from './pooling.ts';
import { buildPostNorm } from './post-norm.ts';

export const mpnet: Architecture = {
  id: 'gguf-embed-mpnet',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nFf, nHead, nCtxTrain } = hparams;
    const nBuckets = keys.u32('attention.relative_buckets_count');
    if (nBuckets < 4) throw keys.error('attention.relative_buckets_count', `is ${nBuckets}; at least 4 are required`);
    if (nHead.some((n) => n !== nHead[0])) throw keys.error('attention.head_count', 'differs between layers');
    const relativeBias = loader.table('attn_rel_b', nHead[0], nBuckets); // before the scale, so √headSize times that of the checkpoint
    const gelu = geluOf(loader);
    return buildPostNorm(loader, {
      positions: () => loader.table('position_embd', nEmbd, nCtxTrain),
      attention: { relativeBias },
      declareFeedForward: (blk, il) => ({
        up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
        down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
      }),
      feedForward: (ops, x, w) => mlp(ops, x, w, gelu),
      classifier: () => declareClassifier(loader),
      names: bertNames,
    });
  },
};
