/**
 * @file The tower of Gemma 3 (Gemma Team 2025), also of MedGemma: SigLIP (Zhai et al. 2023) over a square image, averaged over squares of
 * patches, and a projection into the text model's width.
 */
import { siglipNames } from '../names/vision.ts';
import { declareSiglip, siglipStages } from './siglip.ts';
import type { TowerArchitecture } from './tower.ts';

export const gemma3Tower: TowerArchitecture = {
  id: 'gemma3',
  textModels: ['gemma3'],
  build(loader) {
    const parameters = loader.hparams;
    const { nEmbd, nEmbdText, eps, imageSize } = parameters;
    const kernel = loader.keys.u32('projector.scale_factor', 4);
    const tower = declareSiglip(loader);
    if (kernel === 0 || tower.side % kernel !== 0) {
      throw loader.keys.error(
        'projector.scale_factor',
        `is ${kernel}, which does not divide ${tower.side} patches a side`,
      );
    }
    const stages = siglipStages(tower, parameters);
    const softEmbNorm = loader.norm('mm.soft_emb_norm', nEmbd);
    const projection = { weight: loader.transposed('mm.input_projection', nEmbd, nEmbdText) };
    return {
      parameters,
      preprocessing: { kind: 'square', size: imageSize, filter: 'bilinear' },
      order: { merge: kernel },
      width: nEmbdText,
      begin: '<start_of_image>',
      end: '<end_of_image>',
      sees: 'image',
      names: siglipNames,
      ...stages,
      project(ops, x) {
        const pooled = ops.pool(stages.finish(ops, x), 'mean'); // [n, nEmbd]
        return ops.linear(ops.norm(pooled, softEmbNorm, { kind: 'rms', eps }), projection);
      },
    };
  },
};
