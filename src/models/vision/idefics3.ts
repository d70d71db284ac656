/**
 * @file The tower of Idefics3 (Laurençon et al. 2024), also of SmolVLM and ColSmol: SigLIP (Zhai et al. 2023) over square tiles of an image
 * and over the whole image, pixel shuffle, which puts the patches of a square side by side, and a projection into the text model's width.
 */
import { siglipNames } from '../names/vision.ts';
import { declareSiglip, siglipStages } from './siglip.ts';
import type { TowerArchitecture } from './tower.ts';

/** Longest side in pixels to which an image may be enlarged, so that a file cannot ask for gigabytes of pixels. SmolVLM has 2048. */
const maxLongest = 8192;

export const idefics3Tower: TowerArchitecture = {
  id: 'idefics3',
  textModels: ['llama', 'llama-embed'],
  build(loader) {
    const { keys, hparams: parameters } = loader;
    const { nEmbd, nEmbdText, imageSize, patchSize } = parameters;
    const merge = keys.u32('projector.scale_factor', 1);
    // Files of old converters have no such key; their images are not enlarged.
    const longest = keys.u32('preproc_image_size', 0);
    if (longest > maxLongest)
      throw keys.error('preproc_image_size', `is ${longest}, not a number from 0 to ${maxLongest}`);
    const tower = declareSiglip(loader);
    if (merge === 0 || tower.side % merge !== 0) {
      throw keys.error('projector.scale_factor', `is ${merge}, which does not divide ${tower.side} patches a side`);
    }
    const stages = siglipStages(tower, parameters);
    const projection = { weight: loader.matrix('mm.model.fc', nEmbd * merge ** 2, nEmbdText) };
    return {
      parameters,
      preprocessing: { kind: 'tiles', size: imageSize, longest: longest || undefined, unit: patchSize * merge },
      order: { merge },
      width: nEmbdText,
      begin: '\n\n<fake_token_around_image><global-img>',
      end: '<fake_token_around_image>',
      tiles: {
        before: (row, column) => `<fake_token_around_image><row_${row + 1}_col_${column + 1}>`,
        rowEnd: '\n',
      },
      sees: 'causal',
      names: siglipNames,
      ...stages,
      project(ops, x) {
        const shuffled = ops.pool(stages.finish(ops, x), 'concat'); // [n, merge² · nEmbd]
        return ops.linear(shuffled, projection); // [n, merge² · nEmbd] → [n, nEmbdText]
      },
    };
  },
};
