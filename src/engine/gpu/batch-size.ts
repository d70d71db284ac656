/**
 * @file The most tokens of a packed batch on a GPU, from what the adapter takes and what the model needs for a token.
 */
import type { GgufFile } from '../../gguf/index.ts';
import { nElements } from '../../gguf/shape.ts';
import type { BatchBounds } from '../../kernels/webgpu/batch-bounds.ts';
import type { ModelOutline } from '../../models/index.ts';

/** Fewer tokens save little time even where batches are bounded. */
const least = 512;
/** Rows of a head over the vocabulary that are computed at a time. */
const maxLogits = 8192;

/** What a model needs for each token of a batch. */
export interface TokenCost {
  /** Bytes of intermediates that exist at the same time. */
  readonly bytes: number;
  /** Floating-point operations of the layers, without attention. */
  readonly operations: number;
}

/** The cost of a token of a model, from above. */
export function tokenCost(file: GgufFile, { hparams, sparse }: Pick<ModelOutline, 'hparams' | 'sparse'>): TokenCost {
  const { nEmbd, nFf, nHead, nHeadKv, nEmbdHeadK, nEmbdHeadV, nExpertUsed, nVocab } = hparams;
  const widest = (widths: readonly number[]) => Math.max(0, ...widths);
  // Queries and keys exist twice while they are rotated.
  const attention = (widest(nHead) + widest(nHeadKv)) * (2 * nEmbdHeadK + nEmbdHeadV);
  const feedForward = 3 * widest(nFf) * Math.max(1, nExpertUsed);
  const logits = sparse?.kind === 'max_logits' ? 2 * Math.min(nVocab, maxLogits) : 0;
  return {
    bytes: 4 * (4 * nEmbd + Math.max(attention, feedForward, logits)),
    operations: 2 * countLayerWeights(file),
  };
}

/** Most tokens in one packed batch, unless the caller says otherwise. @param bounds of a GPU, if one computes */
export function defaultBatchTokens(
  bounds: BatchBounds | undefined,
  file: GgufFile,
  outline: Pick<ModelOutline, 'hparams' | 'sparse'>,
): number {
  return bounds === undefined ? least : batchTokens(bounds, tokenCost(file, outline));
}

/** The largest power of two that the bounds allow, at least 512. */
export function batchTokens({ maxTokens, maxBytes, maxOperations }: BatchBounds, cost: TokenCost): number {
  const most = Math.min(maxTokens, maxBytes / cost.bytes, maxOperations / cost.operations);
  let tokens = least;
  while (tokens * 2 <= most) tokens *= 2;
  return tokens;
}

/** The number of values in the weights of a model's layers, each of which a token is multiplied with. */
export function countLayerWeights({ tensors }: Pick<GgufFile, 'tensors'>): number {
  let n = 0;
  for (const { name, shape } of tensors.values()) {
    if (name.startsWith('blk.')) n += nElements(shape);
  }
  return n;
}
