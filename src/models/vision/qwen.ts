/**
 * @file What the towers of Qwen2-VL, Qwen2.5-VL and Qwen3-VL share: any size of image, a 2-D rotation of queries and keys (row first, then
 * column), and the merger that makes one token out of a square of 2 × 2 patches.
 */
import type { Linear, NormWeights, Ops, RopeCoordinates, Tensor } from '../../tensor/ops.ts';
import { mlp } from '../feed-forward.ts';
import {
  declareLayers,
  declareNorm,
  declarePatchEmbedding,
  declarePreNorm,
  type NormKind,
  type PatchEmbedding,
  type VisionLayer,
} from './layer.ts';
import type { VisionParameters } from './parameters.ts';
import type { Tower, TowerLoader } from './tower.ts';

/** Patches along a side of the square that becomes one token. */
export const merge = 2;

/** The properties that all of them share. */
export function qwenTower({ patchSize }: VisionParameters): Pick<Tower, 'preprocessing' | 'begin' | 'end' | 'sees'> {
  return {
    preprocessing: { kind: 'dynamic', unit: patchSize * merge, filter: 'bicubic', minTokens: 8, maxTokens: 4096 },
    begin: '<|vision_start|>',
    end: '<|vision_end|>',
    sees: 'causal',
  };
}

/** @throws ModelError for a merge size other than 2 */
function checkMerge({ keys }: TowerLoader): void {
  const size = keys.u32('spatial_merge_size', merge);
  if (size !== merge) throw keys.error('spatial_merge_size', `is ${size}, but must be ${merge}`);
}

/**
 * The row of a patch rotates half of the pairs of a head, its column the other half. @throws ModelError if the head size is not a multiple
 * of 4
 */
function patchAxes({ keys, hparams: { nEmbdHeadK } }: TowerLoader): RopeCoordinates {
  if (nEmbdHeadK % 4 !== 0) {
    throw keys.error('attention.head_count', `leaves heads of ${nEmbdHeadK} values, which do not divide by 4`);
  }
  return { kind: 'axes', sizes: [nEmbdHeadK / 4, nEmbdHeadK / 4] };
}

/** The weights that all of them have, in the order of the forward pass, and their rotation. */
export interface QwenWeights {
  readonly coordinates: RopeCoordinates;
  readonly patches: PatchEmbedding;
  readonly preNorm?: NormWeights;
  readonly layers: readonly VisionLayer[];
  readonly postNorm: NormWeights;
  readonly merger: Merger;
}

/**
 * Declares the weights that all of them have.
 * @param kind of every norm
 * @param options.bias of the patch embedding
 * @param options.mayBeSwapped as in `declareLayers`
 * @throws ModelError for a merge size other than 2, or a head size that is not a multiple of 4
 */
export function declareQwen(
  loader: TowerLoader,
  kind: NormKind,
  { bias, mayBeSwapped }: { bias: 'required' | 'none'; mayBeSwapped: boolean },
): QwenWeights {
  checkMerge(loader);
  return {
    coordinates: patchAxes(loader),
    patches: declarePatchEmbedding(loader, 2, bias),
    preNorm: declarePreNorm(loader, kind),
    layers: declareLayers(loader, kind, mayBeSwapped),
    postNorm: declareNorm(loader, 'v.post_ln', loader.hparams.nEmbd, kind),
    merger: declareMerger(loader, 'mm.0', 'mm.2'),
  };
}

/** Two matrices with a GELU between them. */
export interface Merger {
  readonly up: Linear;
  readonly down: Linear;
}

/** @param first, second names of the matrices; the file determines the width between them */
export function declareMerger(loader: TowerLoader, first: string, second: string): Merger {
  const { nEmbd, nEmbdText } = loader.hparams;
  const nIn = nEmbd * merge ** 2;
  const nInner = loader.dimension(first, 1) ?? nIn;
  return { up: loader.linear(first, nIn, nInner), down: loader.linear(second, nInner, nEmbdText) };
}

/** Puts the patches of each token side by side and applies the two matrices: `[T, nEmbd]` → `[T / 4, nEmbdText]`. */
export function mergePatches(ops: Ops, x: Tensor, merger: Merger, norm?: NormWeights & { eps: number }): Tensor {
  const joined = ops.pool(x, 'concat'); // [T / 4, 4 · nEmbd]
  const normed = norm === undefined ? joined : ops.norm(joined, norm, { kind: 'layer', eps: norm.eps });
  return mlp(ops, normed, merger, 'gelu');
}
