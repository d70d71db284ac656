/**
 * @file MPNet (Song et al. 2020; all-mpnet-base-v2): BERT with a learned bias for the distance of two tokens, in buckets as in T5, which all
 * layers share, beside its learned positions.
 */
import type { Architecture } from './architecture.ts';
import { buildBert } from './bert.ts';

export const mpnet: Architecture = {
  id: 'gguf-embed-mpnet',
  build(loader) {
    const { hparams, keys } = loader;
    const { nHead } = hparams;
    const nBuckets = keys.u32('attention.relative_buckets_count');
    if (nBuckets < 4) throw keys.error('attention.relative_buckets_count', `is ${nBuckets}; at least 4 are required`);
    if (nHead.some((n) => n !== nHead[0])) throw keys.error('attention.head_count', 'differs between layers');
    const relativeBias = loader.table('attn_rel_b', nHead[0], nBuckets); // before the scale, so √headSize times that of the checkpoint
    return buildBert(loader, { relativeBias });
  },
};
