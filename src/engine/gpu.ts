/**
 * @file The runner on the GPU: creates backend and model, stores the results of the search for fast kernels, and recreates
 * everything when the device is lost.
 *
 * When the device is lost, the current batch fails with `GpuDeviceLostError`. The next batch uses a new device, for which
 * the weights are read again. A second loss is final: a device that is lost twice is likely to be lost again, and the user
 * must know.
 */
import { type ByteSource, type GgufFile, openGguf } from '../gguf/index.ts';
import type { Tuning } from '../kernels/webgpu/index.ts';
import { hasFiles } from './platform.ts';
import { type LoadWatch, type Runner, startLocalRunner } from './runner.ts';
import { type OpenModel, Team } from './team.ts';
import type { GpuSetup } from './team-methods.ts';
import type { LoadOptions, TuningCache } from './types.ts';

type Kernels = typeof import('../kernels/webgpu/index.ts');

/**
 * Loads the model onto the GPU, driven by a worker if `options.worker` says so.
 * @param opened the file to read; the caller closes it
 * @param reopen opens the source again, to read the weights again
 * @throws InputError for invalid options, GpuError if there is no GPU or not enough memory
 */
export async function startGpuRunner(
  opened: OpenModel,
  options: LoadOptions,
  watch: LoadWatch,
  reopen: () => Promise<ByteSource>,
): Promise<Runner> {
  const kernels = await import('../kernels/webgpu/index.ts');
  const { onWarning } = options;
  let current = await start(kernels, opened, options, watch);
  const layout = layoutOf(opened.file);
  let nLost = 0;
  /** The device is lost, and the next batch needs a new one. */
  let lost = false;
  let ended: Error | undefined;
  let disposed = false;

  /** Creates a new device and loads the weights onto it. */
  async function restart(): Promise<void> {
    await current.runner.dispose();
    await current.kept();
    const source = await reopen();
    try {
      const again = await openGguf(source);
      if (layoutOf(again) !== layout) throw new Error(`${source.name} has changed since it was loaded`);
      current = await start(kernels, { source, file: again }, options, {});
    } finally {
      await source.close();
    }
    onWarning?.(`the GPU device was lost, and the model was loaded again on ${current.runner.description}`);
  }

  function noteLoss(reason: string): void {
    nLost++;
    lost = true;
    if (nLost === 1) {
      onWarning?.(`${reason}; the next input uses a new device`);
      return;
    }
    ended = new kernels.GpuDeviceLostError(
      `the GPU device was lost a second time and is no longer used (${reason}): load the model again, or use the wasm backend`,
    );
    onWarning?.(ended.message);
  }

  return {
    backend: 'webgpu',
    precision: current.runner.precision,
    threads: 1,
    inBackground: current.runner.inBackground,
    get description() {
      return current.runner.description;
    },
    get failure() {
      return ended ?? (lost ? undefined : current.runner.failure);
    },
    async run(batch, pooling, observer) {
      if (!lost && !disposed && current.isLost()) noteLoss('the GPU device was lost while it was idle');
      if (ended !== undefined) throw ended;
      if (lost) {
        try {
          await restart();
          lost = false;
        } catch (cause) {
          ended = new kernels.GpuDeviceLostError(
            `the GPU device was lost and the model could not be loaded again: ${(cause as Error).message}`,
            { cause },
          );
          throw ended;
        }
      }
      try {
        return await current.runner.run(batch, pooling, observer);
      } catch (error) {
        if (!(error instanceof kernels.GpuDeviceLostError)) throw error;
        noteLoss(error.message);
        throw ended ?? error;
      }
    },
    profile: () => current.runner.profile(),
    async dispose() {
      disposed = true;
      await current.runner.dispose();
      await current.kept();
    },
  };
}

/** A model on its own device. */
interface Started {
  readonly runner: Runner;
  /** Whether the device is known to be lost. A worker notices only when it gets work. */
  isLost(): boolean;
  /** Resolves when the results of the search so far are written. */
  kept(): Promise<void>;
}

async function start(
  kernels: Kernels,
  { source, file }: OpenModel,
  options: LoadOptions,
  watch: LoadWatch,
): Promise<Started> {
  const { gpu = {}, precision = 'high', worker, workerUrl, onWarning } = options;
  const cache = gpu.autotune === false ? undefined : await openCache(gpu.tuningCache);
  const key = cache === undefined ? '' : kernels.tuningKey(await kernels.findAdapterInfo());
  let writing = Promise.resolve();
  const onTuning = (tuning: Tuning) => {
    if (cache === undefined) return;
    writing = writing
      .then(() => cache.write(key, JSON.stringify(tuning)))
      .catch((error) => onWarning?.(`cannot write the tuning results of this GPU: ${(error as Error).message}`));
  };
  const setup: GpuSetup = {
    precision,
    gpuWeights: gpu.weights,
    memoryBudget: gpu.memory,
    autotune: gpu.autotune,
    debug: gpu.debug,
    tuning: cache && (await readTuning(cache, key, onWarning)),
  };
  const kept = () => writing;
  if (worker) {
    const team = new Team(1, workerUrl);
    const runner = await team.load({ source, file }, { backend: 'webgpu', options: setup, onTuning }, watch);
    return { runner, isLost: () => false, kept };
  }
  const backend = await kernels.createWebGpuBackend(setup);
  const runner = await startLocalRunner(file, backend, precision, watch);
  const nTiles = () => Object.keys(backend.tuning.tiles).length;
  return {
    runner: {
      ...runner,
      async run(batch, pooling, observer) {
        const before = nTiles();
        const values = await runner.run(batch, pooling, observer);
        if (nTiles() > before) onTuning(backend.tuning);
        return values;
      },
    },
    isLost: () => backend.lost,
    kept,
  };
}

async function openCache(wanted: TuningCache | false | undefined): Promise<TuningCache | undefined> {
  if (wanted !== undefined) return wanted || undefined;
  return hasFiles() ? (await import('./tuning-cache.node.ts')).fileTuningCache() : undefined;
}

/** The results stored under `key`. If they cannot be read, warns and continues without them. */
async function readTuning(
  cache: TuningCache,
  key: string,
  onWarning: LoadOptions['onWarning'],
): Promise<Tuning | undefined> {
  try {
    const text = await cache.read(key);
    return text === undefined ? undefined : parseTuning(text);
  } catch (error) {
    onWarning?.(`the stored tuning results of this GPU are not used (${key}): ${(error as Error).message}`);
    return undefined;
  }
}

function parseTuning(text: string): Tuning {
  const value = JSON.parse(text) as Partial<Tuning> | null;
  const { version, tiles } = value ?? {};
  const whole =
    Number.isInteger(version) &&
    typeof tiles === 'object' &&
    tiles !== null &&
    Object.values(tiles).every((tile) => Number.isInteger(tile));
  if (!whole) throw new Error('the file does not hold tuning results');
  return value as Tuning;
}

/** The tensors of a file and their offsets, as a text that is the same for the same model. */
function layoutOf({ tensors }: GgufFile): string {
  return JSON.stringify(Array.from(tensors.values(), ({ name, type, shape, offset }) => [name, type, shape, offset]));
}
