/**
 * @file Checks of the options of `Embedder.load`.
 */
import { poolingTypes } from '../models/index.ts';
import { backendNames, precisions } from '../tensor/backend.ts';
import { checkChoice, checkPositive, checkSwitches } from './check-options.ts';
import { InputError } from './errors.ts';
import { checkImageOptions, mediaPoolings } from './images/options.ts';
import { gpuWeightForms, type LoadOptions } from './types.ts';

/** @throws InputError for an option with an impossible value */
export function checkLoadOptions({ gpu = {}, ...options }: LoadOptions): void {
  const { pooling, backend, precision, nCtx, nUbatch, packing, keepBlocks, worker, workerUrl, profile } = options;
  const { images, imageCache, mediaPooling, reproducible } = options;
  checkChoice('mediaPooling', mediaPooling, mediaPoolings);
  if (images !== undefined) checkImageOptions(images);
  if (imageCache !== undefined && !(Number.isInteger(imageCache) && imageCache >= 0)) {
    throw new InputError('option', `imageCache must be a number of bytes, not ${String(imageCache)}`);
  }
  checkChoice('pooling', pooling, poolingTypes);
  checkChoice('backend', backend, ['auto', ...backendNames]);
  checkChoice('precision', precision, precisions);
  checkChoice('gpu.weights', gpu.weights, gpuWeightForms);
  checkPositive({ nCtx, nUbatch, 'gpu.memory': gpu.memory });
  if (workerUrl !== undefined && typeof workerUrl !== 'string' && !(workerUrl instanceof URL)) {
    throw new InputError('option', 'workerUrl must be a URL or a string');
  }
  checkSwitches({
    packing,
    reproducible,
    keepBlocks,
    worker,
    profile,
    'gpu.autotune': gpu.autotune,
    'gpu.debug': gpu.debug,
  });
}
