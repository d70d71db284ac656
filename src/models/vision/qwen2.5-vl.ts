/**
 * @file The tower of Qwen2.5-VL (Bai et al. 2025): RMS norms, gated feed-forward layers, and in most layers attention within windows of 112
 * pixels a side. jina-embeddings-v4, nomic-embed-multimodal.
 */
import { qwenVisionNames } from '../names/vision.ts';
import { embedPatches, visionBlock } from './layer.ts';
import { declareQwen, merge, mergePatches, qwenTower } from './qwen.ts';
import type { TowerArchitecture } from './tower.ts';

/** Side of a window in pixels. As in llama.cpp, the file does not change it. */
const windowPixels = 112;

export const qwen25VlTower: TowerArchitecture = {
  id: 'qwen2.5vl_merger',
  textModels: ['qwen2vl'],
  build(loader) {
    const parameters = loader.hparams;
    const { nEmbdText, eps, patchSize } = parameters;
    /** One layer of each period sees the whole image; 0: all layers do. */
    const period = loader.keys.u32('n_wa_pattern');
    const window = Math.floor(Math.floor(windowPixels / patchSize) / merge);
    if (period > 0 && window === 0) throw loader.keys.error('patch_size', `is ${patchSize}: no token fits a window`);
    const kind = 'rms';
    const { coordinates, patches, preNorm, layers, postNorm, merger } = declareQwen(loader, kind, {
      bias: 'none',
      mayBeSwapped: true,
    });
    return {
      ...qwenTower(parameters),
      parameters,
      order: period > 0 ? { merge, window } : { merge },
      width: nEmbdText,
      names: qwenVisionNames,
      embed(ops) {
        const x = embedPatches(ops, patches);
        return preNorm === undefined ? x : ops.norm(x, preNorm, { kind, eps });
      },
      layer(ops, x, il) {
        const within = period > 0 && (il + 1) % period !== 0 ? 'window' : 'image';
        return visionBlock(ops, x, layers[il], parameters, il, { kind, within, coordinates });
      },
      project: (ops, x) => mergePatches(ops, ops.norm(x, postNorm, { kind, eps }), merger),
    };
  },
};
