/**
 * @file The tower of Qwen2-VL (Wang et al. 2024): a vision transformer over images of any size, with 2-D rotary positions only.
 */
import { qwenVisionNames } from '../names/vision.ts';
import {
  declareLayers,
  declareNorm,
  declarePatchEmbedding,
  declarePreNorm,
  embedPatches,
  visionBlock,
} from './layer.ts';
import { checkMerge, declareMerger, merge, mergePatches, patchAxes, qwenTower } from './qwen.ts';
import type { TowerArchitecture } from './tower.ts';

export const qwen2VlTower: TowerArchitecture = {
  id: 'qwen2vl_merger',
  build(loader) {
    const parameters = loader.hparams;
    const { nEmbd, nEmbdText, eps } = parameters;
    checkMerge(loader);
    const coordinates = patchAxes(loader);
    const kind = 'layer';
    const patches = declarePatchEmbedding(loader, 2, 'none');
    const preNorm = declarePreNorm(loader, kind);
    const layers = declareLayers(loader, kind);
    const postNorm = declareNorm(loader, 'v.post_ln', nEmbd, kind);
    const merger = declareMerger(loader, 'mm.0', 'mm.2');
    return {
      ...qwenTower(parameters),
      parameters,
      order: { merge },
      width: nEmbdText,
      names: qwenVisionNames,
      forward(ops) {
        let x = embedPatches(ops, patches); // [T, nEmbd]
        if (preNorm !== undefined) x = ops.norm(x, preNorm, { kind, eps });
        layers.forEach((w, il) => {
          x = visionBlock(ops, x, w, parameters, il, { kind, coordinates });
        });
        return mergePatches(ops, ops.norm(x, postNorm, { kind, eps }), merger);
      },
    };
  },
};
