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
import type { Tower, TowerLoader } from './tower.ts';

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

/** Its stages, of which a tower shares the first two; `finish` makes one row for each patch, `[T, nEmbd]`, of the last layer's. */
export function siglipStages(
  { patches, positions, preNorm, layers, postNorm }: Siglip,
  parameters: VisionParameters,
): Pick<Tower, 'embed' | 'layer'> & { finish(ops: Ops, x: Tensor): Tensor } {
  const norm = { kind: 'layer', eps: parameters.eps } as const;
  return {
    embed(ops) {
      const x = ops.embedding(positions, 'positions', { add: embedPatches(ops, patches) });
      return preNorm === undefined ? x : ops.norm(x, preNorm, norm);
    },
    layer: (ops, x, il) => visionBlock(ops, x, layers[il], parameters, il, { kind: 'layer' }),
    finish: (ops, x) => ops.norm(x, postNorm, norm),
  };
}
