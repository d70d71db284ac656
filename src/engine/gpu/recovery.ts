/**
 * @file The runner on the GPU, which loads the model again when the device is lost.
 *
 * When the device is lost, the current batch fails with `GpuDeviceLostError`. The next batch uses a new device, for which
 * the weights are read again. A second loss is final: a device that is lost twice is likely to be lost again, and the user
 * must know.
 */

import type { LoadWatch, Runner } from '../batching/runner.ts';
import { closeModel, filesOf, type OpenModel } from '../load/open-model.ts';
import type { LoadOptions } from '../types.ts';
import { loadOntoGpu } from './load.ts';

/**
 * Loads the model onto the GPU, driven by a worker if `options.worker` says so.
 * @param opened the files to read; the caller closes them
 * @param reopen opens the files again, to read the weights again
 * @throws InputError for invalid options, GpuError if there is no GPU or not enough memory
 */
export async function startGpuRunner(
  opened: OpenModel,
  options: LoadOptions,
  watch: LoadWatch,
  reopen: () => Promise<OpenModel>,
): Promise<Runner> {
  const { GpuDeviceLostError } = await import('../../kernels/webgpu/index.ts');
  const { onWarning } = options;
  let current = await loadOntoGpu(opened, options, watch);
  const layout = layoutOf(opened);
  let nLost = 0;
  /** The device is lost, and the next batch needs a new one. */
  let lost = false;
  let ended: Error | undefined;
  let disposed = false;
  /** Batches that come meanwhile wait for the same new device. */
  let restarting: Promise<void> | undefined;

  /** Creates a new device and loads the weights onto it. */
  async function restart(): Promise<void> {
    await current.runner.dispose();
    await current.tuningWritten();
    const again = await reopen();
    try {
      if (layoutOf(again) !== layout) throw new Error(`${again.source.name} has changed since it was loaded`);
      current = await loadOntoGpu(again, options, {});
    } finally {
      await closeModel(again);
    }
    onWarning?.(`the GPU device was lost, and the model was loaded again on ${current.runner.description}`);
  }

  /** Restarts, or ends for good. */
  async function replaceDevice(): Promise<void> {
    try {
      await restart();
      lost = false;
    } catch (cause) {
      ended = new GpuDeviceLostError(
        `the GPU device was lost and the model could not be loaded again: ${(cause as Error).message}`,
        { cause },
      );
      throw ended;
    } finally {
      restarting = undefined;
    }
  }

  function noteLoss(reason: string): void {
    nLost++;
    lost = true;
    if (nLost === 1) {
      onWarning?.(`${reason}; the next input uses a new device`);
      return;
    }
    ended = new GpuDeviceLostError(
      `the GPU device was lost a second time and is no longer used (${reason}): load the model again, or use the wasm backend`,
    );
    onWarning?.(ended.message);
  }

  /** Computes, on a new device if the one before was lost. */
  async function onDevice<T>(compute: (runner: Runner) => Promise<T>): Promise<T> {
    if (!lost && !disposed && current.isLost()) noteLoss('the GPU device was lost while it was idle');
    if (ended !== undefined) throw ended;
    if (lost) await (restarting ??= replaceDevice());
    const { runner } = current;
    try {
      return await compute(runner);
    } catch (error) {
      if (!(error instanceof GpuDeviceLostError)) throw error;
      // Several batches may be under way on one device: its loss counts once.
      if (!lost && runner === current.runner) noteLoss(error.message);
      throw ended ?? error;
    }
  }

  return {
    backend: 'webgpu',
    precision: current.runner.precision,
    threads: 1,
    inBackground: current.runner.inBackground,
    maxInFlight: current.runner.maxInFlight,
    batchBounds: current.runner.batchBounds,
    get description() {
      return current.runner.description;
    },
    get failure() {
      return ended ?? (lost ? undefined : current.runner.failure);
    },
    run: (batch, pooling, observer) => onDevice((runner) => runner.run(batch, pooling, observer)),
    runTower: (from, nLayers, observer) => onDevice((runner) => runner.runTower(from, nLayers, observer)),
    profile: () => current.runner.profile(),
    async dispose() {
      disposed = true;
      await current.runner.dispose();
      await current.tuningWritten();
    },
  };
}

/** The tensors of the files and their offsets, as a text that is the same for the same model. */
function layoutOf(model: OpenModel): string {
  return JSON.stringify(
    filesOf(model).map(({ tensors }) =>
      Array.from(tensors.values(), ({ name, type, shape, offset }) => [name, type, shape, offset]),
    ),
  );
}
