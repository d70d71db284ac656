/**
 * @file The tower of Qwen3-VL (Bai et al. 2025), Qwen3-VL-Embedding and -Reranker: learned positions, interpolated to the grid of the
 * image, in addition to the rotation; and DeepStack (Meng et al. 2024): the results of some layers are merged too, for the first layers of
 * the text model.
 */
import type { NormWeights } from '../../tensor/ops.ts';
import { qwenVisionNames } from '../names/vision.ts';
import { embedPatches, visionBlock } from './layer.ts';
import { declareMerger, declareQwen, type Merger, merge, mergePatches, qwenTower } from './qwen.ts';
import type { TowerArchitecture, TowerLoader } from './tower.ts';

export const qwen3VlTower: TowerArchitecture = {
  id: 'qwen3vl_merger',
  textModels: ['qwen3vl'],
  build(loader) {
    const parameters = loader.hparams;
    const { nEmbd, nEmbdText, eps } = parameters;
    const kind = 'layer';
    const { coordinates, patches, preNorm, layers, postNorm, merger } = declareQwen(loader, kind, {
      bias: 'required',
      mayBeSwapped: false,
    });
    const nPositions = loader.dimension('v.position_embd', 1) ?? 1;
    const positions = loader.table('v.position_embd', nEmbd, nPositions);
    const side = Math.sqrt(nPositions);
    if (!Number.isInteger(side))
      throw loader.error('v.position_embd.weight', `has ${nPositions} rows, which is not a square number`);
    const deepstack = layers.map((_, il) => declareDeepstack(loader, il));
    return {
      ...qwenTower(parameters),
      parameters,
      order: { merge },
      width: nEmbdText * (1 + deepstack.filter((part) => part !== undefined).length),
      interpolates: { side },
      names: qwenVisionNames,
      embed(ops) {
        let x = embedPatches(ops, patches);
        for (let term = 0; term < 4; term++) x = ops.embedding(positions, { term }, { add: x });
        return preNorm === undefined ? x : ops.norm(x, preNorm, { kind, eps });
      },
      layer: (ops, x, il) => visionBlock(ops, x, layers[il], parameters, il, { kind, coordinates }),
      deepstack(ops, x, il) {
        const part = deepstack[il];
        return part && mergePatches(ops, x, part.merger, { ...part.norm, eps });
      },
      project: (ops, x) => mergePatches(ops, ops.norm(x, postNorm, { kind, eps }), merger),
    };
  },
};

/** The merger of a layer, if the file has one, with a norm of the four patches together. */
function declareDeepstack(loader: TowerLoader, il: number): { norm: NormWeights; merger: Merger } | undefined {
  const name = `v.deepstack.${il}`;
  return loader.optional(`${name}.fc1`, (first) => ({
    norm: loader.layerNorm(`${name}.norm`, loader.hparams.nEmbd * merge ** 2),
    merger: declareMerger(loader, first, `${name}.fc2`),
  }));
}
