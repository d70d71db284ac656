/**
 * @file The tower of Qwen2-VL (Wang et al. 2024): a vision transformer over images of any size, with 2-D rotary positions only.
 */
import { qwenVisionNames } from '../names/vision.ts';
import { embedPatches, visionBlock } from './layer.ts';
import { declareQwen, merge, mergePatches, qwenTower } from './qwen.ts';
import type { TowerArchitecture } from './tower.ts';

export const qwen2VlTower: TowerArchitecture = {
  id: 'qwen2vl_merger',
  textModels: ['qwen2vl'],
  build(loader) {
    const parameters = loader.hparams;
    const { nEmbdText, eps } = parameters;
    const kind = 'layer';
    const { coordinates, patches, preNorm, layers, postNorm, merger } = declareQwen(loader, kind, {
      bias: 'none',
      mayBeSwapped: true,
    });
    return {
      ...qwenTower(parameters),
      parameters,
      order: { merge },
      width: nEmbdText,
      names: qwenVisionNames,
      embed(ops) {
        const x = embedPatches(ops, patches);
        return preNorm === undefined ? x : ops.norm(x, preNorm, { kind, eps });
      },
      layer: (ops, x, il) => visionBlock(ops, x, layers[il], parameters, il, { kind, coordinates }),
      project: (ops, x) => mergePatches(ops, ops.norm(x, postNorm, { kind, eps }), merger),
    };
  },
};
