/**
 * @file Builds what a model needs for images, at load.
 */
import type { GgufFile } from '../../gguf/index.ts';
import type { ModelOutline, Pooling } from '../../models/index.ts';
import { checkFits, outlineTower, type TowerOutline } from '../../models/vision/index.ts';
import type { ImageRules, Scheduler } from '../batching/scheduler.ts';
import { countLayerWeights } from '../gpu/batch-size.ts';
import { ImageEncoder, prepareOptions } from '../images/image-encoder.ts';
import type { Vision } from '../images/plan.ts';
import { localPreparer, workerPreparer } from '../images/preparer.ts';
import type { LoadOptions } from '../types.ts';
import type { OpenFile } from './open-model.ts';

const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;
const DEFAULT_IMAGES_PER_INPUT = 256;

/** A tower, and how the text model takes its rows. */
export interface VisionOutline {
  readonly tower: TowerOutline;
  /** The rules for batches of at most `nUbatch` tokens. */
  readonly rules: (nUbatch: number) => ImageRules;
}

/**
 * Checks the file of a vision tower against that of the text model.
 * @param file of the text model
 * @throws ModelError for a file without a vision tower, an unknown one, or one that does not fit the text model
 */
export function outlineVision(
  projector: OpenFile | undefined,
  file: GgufFile,
  outline: ModelOutline,
  { mediaPooling }: LoadOptions,
): VisionOutline | undefined {
  if (projector === undefined) return undefined;
  const tower = outlineTower(projector.file);
  checkFits(tower, outline);
  const tokenWork = countLayerWeights(file);
  return {
    tower,
    rules: (nUbatch) => ({
      images: outline.images!,
      sees: tower.sees,
      pools: mediaPooling === 'whole' ? 'whole' : 'text after images',
      tokensOf(image) {
        const { nx, ny } = tower.grid(image);
        return nx * ny;
      },
      // A batch of images takes about as many multiplications as a batch of texts.
      layersOf: (images) => Math.max(1, Math.floor((nUbatch * tokenWork) / tower.layerWork(images))),
    }),
  };
}

/**
 * Creates the image encoder of a model.
 * @param inWorker whether to decode images in a worker
 * @throws InputError for token limits that contradict each other
 */
export function createVision(
  { tower }: VisionOutline,
  scheduler: Scheduler,
  { images = {}, imageCache = DEFAULT_CACHE_BYTES, workerUrl }: LoadOptions,
  inWorker: boolean,
): Vision {
  const options = prepareOptions(tower, images);
  const preparer = inWorker ? workerPreparer(options, workerUrl) : localPreparer(options);
  const encoder = new ImageEncoder(tower, options, preparer, scheduler, imageCache);
  return {
    encoder,
    begin: tower.begin,
    end: tower.end,
    tiles: tower.tiles,
    perInput: images.perInput ?? DEFAULT_IMAGES_PER_INPUT,
  };
}

/** A warning for users of multi-vector models; `undefined` if it does not apply. */
export function mediaPoolingWarning(pooling: Pooling, { mediaPooling }: LoadOptions): string | undefined {
  if (mediaPooling !== undefined || pooling === 'last' || pooling === 'rank') return undefined;
  return `with ${pooling} pooling, only the text behind the last image of an input counts, as in llama.cpp; mediaPooling: 'whole' (--media-pooling whole) takes all of it, which multi-vector models want`;
}
