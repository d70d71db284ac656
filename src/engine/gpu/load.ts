/**
 * @file Loads a model onto its own GPU device, on the calling thread or in a worker.
 */
import { type LoadWatch, type Runner, startLocalRunner } from '../runner.ts';
import { type OpenModel, Team } from '../team.ts';
import type { GpuSetup } from '../team-methods.ts';
import type { LoadOptions } from '../types.ts';
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
    memoryBudget: gpu.memory,
    autotune: gpu.autotune,
    debug: gpu.debug,
    tuning: await tuning.read(),
  };
  const tuningWritten = () => tuning.written();
  if (worker) {
    const team = new Team(1, workerUrl);
    const runner = await team.load(
      opened,
      { backend: 'webgpu', options: setup, onTuning: (found) => tuning.write(found) },
      watch,
    );
    return { runner, isLost: () => false, tuningWritten };
  }
  const { createWebGpuBackend } = await import('../../kernels/webgpu/index.ts');
  const backend = await createWebGpuBackend(setup);
  const runner = await startLocalRunner(opened.file, backend, precision, watch);
  const nTiles = () => Object.keys(backend.tuning.tiles).length;
  return {
    runner: {
      ...runner,
      async run(batch, pooling, observer) {
        const before = nTiles();
        const values = await runner.run(batch, pooling, observer);
        if (nTiles() > before) tuning.write(backend.tuning);
        return values;
      },
    },
    isLost: () => backend.lost,
    tuningWritten,
  };
}
