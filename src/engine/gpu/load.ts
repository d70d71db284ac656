/**
 * @file Loads a model onto its own GPU device, on the calling thread or in a worker.
 */

import { type LoadWatch, type Runner, startLocalRunner } from '../batching/runner.ts';
import type { OpenModel } from '../load/open-model.ts';
import { Team } from '../team/team.ts';
import type { GpuSetup } from '../team/team-methods.ts';
import type { LoadOptions } from '../types.ts';
import { countLayerWeights } from './batch-size.ts';
import { openTuningStore } from './tuning.ts';

/** A model on its own device. */
export interface LoadedOntoGpu {
  readonly runner: Runner;
  /** Whether the device is known to be lost. A worker notices only when it gets work. */
  isLost(): boolean;
  /** Resolves when the results of the search so far are written. */
  tuningWritten(): Promise<void>;
}

/** @throws InputError for invalid options, GpuError if there is no GPU or not enough memory */
export async function loadOntoGpu(opened: OpenModel, options: LoadOptions, watch: LoadWatch): Promise<LoadedOntoGpu> {
  const { gpu = {}, precision = 'high', worker, workerUrl, onWarning } = options;
  const tuning = await openTuningStore(gpu, onWarning);
  const setup: GpuSetup = {
    precision,
    gpuWeights: gpu.weights,
    layerWeights: countLayerWeights(opened.file),
    memoryBudget: gpu.memory,
    autotune: gpu.autotune,
    debug: gpu.debug,
    tuning: await tuning.read(),
  };
  const tuningWritten = () => tuning.written();
  if (worker) {
    const team = new Team(1, 'webgpu', workerUrl);
    const runner = await team.load(
      opened,
      { backend: 'webgpu', options: setup, onTuning: (found) => tuning.write(found) },
      watch,
    );
    return { runner, isLost: () => false, tuningWritten };
  }
  const { createWebGpuBackend } = await import('../../kernels/webgpu/index.ts');
  const backend = await createWebGpuBackend(setup);
  const runner = await startLocalRunner(opened, backend, precision, watch);
  const nTiles = () => Object.keys(backend.tuning.tiles).length;
  let nKnown = nTiles();
  /** Writes the results of the search when computing has added some. */
  const tuned = async <T>(computing: Promise<T>): Promise<T> => {
    const values = await computing;
    if (nTiles() > nKnown) tuning.write(backend.tuning);
    nKnown = nTiles();
    return values;
  };
  return {
    runner: {
      ...runner,
      batchBounds: backend.batchBounds,
      run: (batch, pooling, observer) => tuned(runner.run(batch, pooling, observer)),
      runTower: (from, nLayers, observer) => tuned(runner.runTower(from, nLayers, observer)),
    },
    isLost: () => backend.lost,
    tuningWritten,
  };
}
