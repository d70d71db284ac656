/**
 * @file The tower of Qwen2.5-VL (Bai et al. 2025): RMS norms, gated feed-forward layers, and in most layers attention within windows of 112
 * pixels a side. jina-embeddings-v4, nomic-embed-multimodal.
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

/** Side of a window in pixels. As in llama.cpp, the file does not change it. */
const windowPixels = 112;

export const qwen25VlTower: TowerArchitecture = {
  id: 'qwen2.5vl_merger',
  build(loader) {
    const parameters = loader.hparams;
    const { nEmbd, nEmbdText, eps, patchSize } = parameters;
    checkMerge(loader);
    /** One layer of each period sees the whole image; 0: all layers do. */
    const period = loader.keys.u32('n_wa_pattern');
    const window = Math.floor(Math.floor(windowPixels / patchSize) / merge);
    if (period > 0 && window === 0) throw loader.keys.error('patch_size', `is ${patchSize}: no token fits a window`);
    const coordinates = patchAxes(loader);
    const kind = 'rms';
    const patches = declarePatchEmbedding(loader, 2, 'none');
    const preNorm = declarePreNorm(loader, kind);
    const layers = declareLayers(loader, kind);
    const postNorm = declareNorm(loader, 'v.post_ln', nEmbd, kind);
    const merger = declareMerger(loader, 'mm.0', 'mm.2');
    return {
      ...qwenTower(parameters),
      parameters,
      order: period > 0 ? { merge, window } : { merge },
      width: nEmbdText,
      names: qwenVisionNames,
      forward(ops) {
        let x = embedPatches(ops, patches); // [T, nEmbd]
        if (preNorm !== undefined) x = ops.norm(x, preNorm, { kind, eps });
        layers.forEach((w, il) => {
          const within = period > 0 && (il + 1) % period !== 0 ? 'window' : 'image';
          x = visionBlock(ops, x, w, parameters, il, { kind, within, coordinates });
        });
        return mergePatches(ops, ops.norm(x, postNorm, { kind, eps }), merger);
      },
    };
  },
};
