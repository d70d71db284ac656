/**
 * @file DeBERTa-v2 and v3 (He et al. 2021, 2023; mxbai-rerank-v1, cross-encoders for NLI): post-norm with disentangled attention. The file has
 * the rows of distances as each layer's projections make them, so that nothing is projected while texts are embedded.
 */
import type { Disentangled } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { mlp } from './feed-forward.ts';
import { geluOf } from './gelu.ts';
import { bertNames } from './names/bert.ts';
import { declareClassifier } from './pooling.ts';
import { buildPostNorm } from './post-norm.ts';
import type { WeightLoader } from './weights.ts';

export const deberta: Architecture = {
  id: 'gguf-embed-deberta',
  build(loader) {
    const { nEmbd, nFf, nCtxTrain, nEmbdHeadK } = loader.hparams;
    const gelu = geluOf(loader);
    const rows = readRows(loader);
    return buildPostNorm(loader, {
      positions: () => loader.optional('position_embd', (name) => loader.table(name, nEmbd, nCtxTrain)),
      declareAttention(blk) {
        const declare = (name: string) => loader.distances(name, nEmbd, rows.nRows);
        const keys = loader.optional(`${blk}.attn_rel_k`, declare);
        const queries = loader.optional(`${blk}.attn_rel_q`, declare);
        const nProducts = [keys, queries].filter((table) => table !== undefined).length;
        if (nProducts === 0) return {};
        return { scale: 1 / Math.sqrt(nEmbdHeadK * (1 + nProducts)), disentangled: { ...rows, keys, queries } };
      },
      declareFeedForward: (blk, il) => ({
        up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
        down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
      }),
      feedForward: (ops, x, w) => mlp(ops, x, w, gelu),
      classifier: () => ({ ...declareClassifier(loader), activation: gelu }),
      names: bertNames,
    });
  },
};

/** How distances share rows. @throws ModelError for heads that share keys, and for numbers with which the logarithm is not defined */
function readRows({ hparams, keys }: WeightLoader): Pick<Disentangled, 'nRows' | 'maxDistance'> {
  const { nHead, nHeadKv, nEmbd, nEmbdHeadK, nEmbdHeadV } = hparams;
  const nRows = keys.u32('attention.relative_buckets_count');
  if (nRows < 8 || nRows % 2 !== 0) {
    throw keys.error('attention.relative_buckets_count', `is ${nRows}; an even number from 8 on is required`);
  }
  if (nHead.some((n, il) => n !== nHeadKv[il] || n * nEmbdHeadK !== nEmbd) || nEmbdHeadK !== nEmbdHeadV) {
    throw keys.error('attention.head_count', 'does not divide the width into equal heads of queries, keys and values');
  }
  const maxDistance = keys.u32('attention.relative_max_distance', 0);
  if (maxDistance > 0 && maxDistance < Math.floor(nRows / 4) + 2) {
    throw keys.error('attention.relative_max_distance', `is ${maxDistance}, which is too short for ${nRows} rows`);
  }
  return { nRows, maxDistance };
}
