/**
 * @file Vision towers: build a tower from an open file (`mmproj`); it turns the pixels of images into rows for a text model.
 *
 * ```ts
 * const tower = await loadTower(file, backend);
 * const [rows] = await tower.encode(backend.ops, [image]); // of the size that `tower.preprocessing` asks for
 * const { nx, ny } = tower.grid(image);                     // rows: [nx · ny, tower.width]
 * ```
 */
import { printable } from '../../gguf/errors.ts';
import type { GgufFile } from '../../gguf/index.ts';
import type { Backend } from '../../tensor/backend.ts';
import type { Ops, Weight } from '../../tensor/ops.ts';
import { ModelError } from '../errors.ts';
import type { LoadModelOptions, ModelOutline } from '../index.ts';
import { nameSteps } from '../names/name-steps.ts';
import { type ModelTreeNode, weightTree } from '../tree.ts';
import { type Allocator, outlines, WeightLoader } from '../weights.ts';
import { projectorArchitecture, readProjectorType, readVisionParameters } from './parameters.ts';
import { advance, type TowerInput, type TowerResult } from './pass.ts';
import { countPatches, gridOf, layoutOf, type PatchLayout } from './patches.ts';
import { towers } from './registry.ts';
import type { Pixels, TokenGrid, Tower, TowerLoader } from './tower.ts';

export { isUnfinished, type TowerInput, type TowerResult } from './pass.ts';
export type { PatchLayout } from './patches.ts';
export type { Pixels, Preprocessing, TileTexts } from './tower.ts';

/** The vision tower that a file describes. */
export interface TowerOutline extends Omit<Tower, 'embed' | 'layer' | 'deepstack' | 'project' | 'names' | 'order'> {
  /** `clip.projector_type`. */
  readonly projector: string;
  /** The tokens of an image that has been resized. @throws RangeError for a size that `preprocessing` does not produce */
  grid(image: Pick<Pixels, 'width' | 'height'>): TokenGrid;
  /** The order of the patches of an image that has been resized. @throws as `grid` */
  layout(image: Pick<Pixels, 'width' | 'height'>): PatchLayout;
  /** About how many multiplications one layer takes for images of these sizes together. */
  layerWork(images: readonly Pick<Pixels, 'width' | 'height'>[]): number;
}

/** A tower with its weights. */
export interface LoadedTower extends TowerOutline {
  /** All weights, in the order of the tower. */
  readonly weights: readonly Weight[];
  /**
   * The rows of images whose size `preprocessing` has set, `[nx · ny, width]` each, in raster order. Images do not affect each other's
   * rows. In a team of workers, all ranks call this; ranks above 0 get an empty result.
   */
  encode(ops: Ops, images: readonly Pixels[]): Promise<readonly Float32Array[]>;
  /**
   * A part of `encode`: runs the next `nLayers` layers, or those that are left. The result goes into the next call, until it is rows.
   * @param observed whether the backend has an observer, which then gets llama.cpp's names of the steps
   */
  advance(ops: Ops, from: TowerInput, nLayers: number, observed: boolean): Promise<TowerResult>;
}

/**
 * Builds the tower that `file` describes, with its weights in `backend`, which may also hold a text model.
 * @throws ModelError for a file without a vision tower, an unknown projector type, an invalid hyper-parameter, a tensor that is missing or
 *   misshapen; GgufError for a key of the wrong type; the signal's reason
 */
export async function loadTower(
  file: GgufFile,
  backend: Backend,
  options: LoadModelOptions = {},
): Promise<LoadedTower> {
  const { tower, loader, projector } = declareTower(file, backend);
  await loader.fill(backend, options);
  const { nLayer } = tower.parameters;
  return {
    ...outlineOf(tower, projector, loader),
    weights: loader.weights,
    encode: async (ops, images) => (await advance(tower, ops, images, nLayer)) as readonly Float32Array[],
    advance: (ops, from, nLayers, observed) =>
      advance(tower, observed ? nameSteps(ops, tower.names) : ops, from, nLayers),
  };
}

/**
 * Checks everything that `loadTower` checks, without reading weights.
 * @throws as `loadTower` does
 */
export function outlineTower(file: GgufFile): TowerOutline {
  const { tower, projector, loader } = declareTower(file, outlines);
  return outlineOf(tower, projector, loader);
}

/** Whether `file` describes a vision tower (or another encoder) instead of a text model. */
export function hasTower({ metadata }: GgufFile): boolean {
  return metadata.string('general.architecture') === projectorArchitecture;
}

/**
 * The layers and parameters of the tower that `file` describes as a tree. Reads no weights.
 * @throws as `loadTower` does
 */
export function towerTree(file: GgufFile): ModelTreeNode {
  const { loader, projector } = declareTower(file, outlines);
  return weightTree(projector, loader.weights);
}

/**
 * Checks that a tower belongs to the text model: that it was trained with such models, and produces rows of the width that this one takes.
 * @throws ModelError for a text model that takes no images or others, or for rows of another width
 */
export function checkFits(
  tower: Pick<TowerOutline, 'projector' | 'width'>,
  { hparams, images }: Pick<ModelOutline, 'hparams' | 'images'>,
): void {
  const { architecture } = hparams;
  if (images === undefined) {
    throw new ModelError(`the vision tower (${tower.projector}) cannot be used: ${architecture} does not take images`);
  }
  const known = towers.get(tower.projector)?.textModels ?? [];
  if (!known.includes(architecture)) {
    throw new ModelError(
      `the vision tower (${tower.projector}) is for text models of the architecture ${known.join(' or ')}, but this one is ${architecture}: they do not belong together`,
      { key: 'clip.projector_type' },
    );
  }
  if (tower.width !== images.width) {
    throw new ModelError(
      `the vision tower (${tower.projector}) produces rows of ${tower.width} values, but the text model (${architecture}) takes ${images.width}: they do not belong together`,
      { key: 'clip.vision.projection_dim' },
    );
  }
}

function outlineOf(tower: Tower, projector: string, { weights }: TowerLoader): TowerOutline {
  const { embed, layer, deepstack, project, names, order, ...facts } = tower;
  const { patchSize, nLayer, nEmbd } = tower.parameters;
  const nValues = weights.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
  return {
    ...facts,
    projector,
    grid: (image) => gridOf(image, patchSize * order.merge),
    layout: (image) => layoutOf(image, tower),
    layerWork: (images) =>
      images.reduce((sum, image) => {
        const nPatches = countPatches([image], tower);
        return sum + (nPatches * nValues) / nLayer + 2 * nPatches ** 2 * nEmbd;
      }, 0),
  };
}

function declareTower(file: GgufFile, allocator: Allocator): { tower: Tower; loader: TowerLoader; projector: string } {
  const projector = readProjectorType(file.metadata);
  const architecture = towers.get(projector);
  if (architecture === undefined) {
    const known = [...towers.keys()].join(', ');
    throw new ModelError(`the projector type ${printable(projector)} is not supported; supported are ${known}`, {
      key: 'clip.projector_type',
    });
  }
  const loader = new WeightLoader(file, allocator, readVisionParameters(file));
  return { tower: architecture.build(loader), loader, projector };
}
