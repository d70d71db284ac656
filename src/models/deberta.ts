/**
 * @file DeBERTa-v2 and v3 (He et al. 2021, 2023; mxbai-rerank-v1, cross-encoders for NLI): post-norm with disentangled attention. The file has
 * the rows of distances as each layer's projections make them, so that nothing is projected while texts are embedded. The larger models of v2
 * add a convolution of the embeddings to the rows after the first layer.
 */
import { printable } from '../gguf/errors.ts';
import type { Activation, Disentangled, Ops, Tensor } from '../tensor/ops.ts';
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
      afterFirst: declareConvolution(loader),
      names: bertNames,
    });
  },
};

/** Most tokens under the kernel of a convolution; the original models have 3. */
const MAX_TAPS = 63;

const activations: ReadonlySet<string> = new Set<Activation>([
  'gelu',
  'gelu_erf',
  'gelu_quick',
  'silu',
  'relu',
  'tanh',
]);
const isActivation = (name: string): name is Activation => activations.has(name);

/**
 * `norm(first + activation(conv(embedded)))`; `undefined` if the file has no convolution.
 * @throws ModelError for a kernel without a middle, a longer one, and an activation that is not known
 */
function declareConvolution(loader: WeightLoader): ((ops: Ops, first: Tensor, embedded: Tensor) => Tensor) | undefined {
  const { keys, hparams } = loader;
  const { nEmbd } = hparams;
  if (!keys.has('conv.kernel_size')) return undefined;
  const size = keys.u32('conv.kernel_size');
  if (size % 2 === 0 || size > MAX_TAPS) {
    throw keys.error('conv.kernel_size', `is ${size}; an odd number up to ${MAX_TAPS} is required`);
  }
  const activation = keys.string('conv.activation');
  if (!isActivation(activation)) {
    throw keys.error('conv.activation', `is ${printable(activation)}; known are ${[...activations].join(', ')}`);
  }
  const conv = loader.linear('conv', size * nEmbd, nEmbd, 'required');
  const weights = loader.layerNorm('conv_norm', nEmbd);
  const norm = { kind: 'layer', eps: keys.positiveF32('attention.layer_norm_epsilon') } as const;
  return (ops, first, embedded) =>
    ops.norm(ops.linear(ops.unfold(embedded, size), conv, { activation, residual: first }), weights, norm);
}

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
