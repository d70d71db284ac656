/**
 * @file SigLIP (Zhai et al. 2023): a vision transformer over a square image of one size, with a learned position for each patch.
 */
import type { NormWeights, Ops, Tensor, Weight } from '../../tensor/ops.ts';
import {
  declareLayers,
  declareNorm,
  declarePatchEmbedding,
  declarePreNorm,
  embedPatches,
  type PatchEmbedding,
  type VisionLayer,
  visionBlock,
} from './layer.ts';
import type { VisionParameters } from './parameters.ts';
import type { TowerLoader } from './tower.ts';

/** Its weights. */
export interface Siglip {
  /** Patches along a side. */
  readonly side: number;
  readonly patches: PatchEmbedding;
  readonly positions: Weight;
  readonly preNorm?: NormWeights;
  readonly layers: readonly VisionLayer[];
  readonly postNorm: NormWeights;
}

/** Declares the tower. @throws ModelError unless the image size is a multiple of the patch size */
export function declareSiglip(loader: TowerLoader): Siglip {
  const { nEmbd, imageSize, patchSize } = loader.hparams;
  const side = imageSize / patchSize;
  if (!Number.isInteger(side)) {
    throw loader.keys.error('image_size', `is ${imageSize}, which cannot be divided into patches of ${patchSize}`);
  }
  return {
    side,
    patches: declarePatchEmbedding(loader, 1, 'optional'),
    positions: loader.table('v.position_embd', nEmbd, side ** 2),
    preNorm: declarePreNorm(loader, 'layer'),
    layers: declareLayers(loader, 'layer'),
    postNorm: declareNorm(loader, 'v.post_ln', nEmbd, 'layer'),
  };
}

/** One row for each patch, `[T, nEmbd]`. */
export function siglip(
  ops: Ops,
  { patches, positions, preNorm, layers, postNorm }: Siglip,
  parameters: VisionParameters,
): Tensor {
  const norm = { kind: 'layer', eps: parameters.eps } as const;
  let x = ops.embedding(positions, 'positions', { add: embedPatches(ops, patches) }); // [T, nEmbd]
  if (preNorm !== undefined) x = ops.norm(x, preNorm, norm);
  layers.forEach((w, il) => {
    x = visionBlock(ops, x, w, parameters, il, { kind: 'layer' });
  });
  return ops.norm(x, postNorm, norm);
}
