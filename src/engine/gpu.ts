/**
 * @file The runner on the GPU: makes backend and model, keeps what the search for fast kernels found, and makes everything
 * once more when the device is lost.
 *
 * The batch under way then fails with `GpuDeviceLostError`; the next one finds a new device with the weights read again. A
 * second loss is final: a device that goes away twice will do so again, and whoever runs the program must know.
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
 * @param opened to read it from; the caller closes it
 * @param reopen opens the source again, to read the weights once more
 * @throws InputError for impossible options, GpuError when there is no GPU or it has no room
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
  /** The device is gone, and the next batch needs a new one. */
  let lost = false;
  let ended: Error | undefined;
  let disposed = false;

  /** A new device, and the weights on it. */
  async function restart(): Promise<void> {
    await current.runner.dispose();
    await current.kept();
    const source = await reopen();
    try {
      const again = await openGguf(source);
      if (layoutOf(again) !== layout) throw new Error(`${source.name} has become another file`);
      current = await start(kernels, { source, file: again }, options, {});
    } finally {
      await source.close();
    }
    onWarning?.(`the model was loaded again after the loss of its GPU device, on ${current.runner.description}`);
  }

  function noteLoss(reason: string): void {
    nLost++;
    lost = true;
    if (nLost === 1) {
      onWarning?.(`${reason}; the next input finds a new device`);
      return;
    }
    ended = new kernels.GpuDeviceLostError(
      `the GPU device was lost a second time and is given up (${reason}): load the model again, or use the wasm backend`,
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
      if (!lost && !disposed && current.isLost()) noteLoss('the GPU device was lost while nothing was computed');
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

/** A model on a device of its own. */
interface Started {
  readonly runner: Runner;
  /** Whether the device is known to be gone. A worker tells only when it is given work. */
  isLost(): boolean;
  /** Resolves when what the search has found so far is written. */
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
      .catch((error) => onWarning?.(`the fastest kernels for this GPU could not be kept: ${(error as Error).message}`));
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

/** What was kept under `key`; what cannot be read is as good as nothing, but said. */
async function readTuning(
  cache: TuningCache,
  key: string,
  onWarning: LoadOptions['onWarning'],
): Promise<Tuning | undefined> {
  try {
    const text = await cache.read(key);
    return text === undefined ? undefined : parseTuning(text);
  } catch (error) {
    onWarning?.(
      `what was kept about the fastest kernels for this GPU is not used (${key}): ${(error as Error).message}`,
    );
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
  if (!whole) throw new Error('it is no result of a search');
  return value as Tuning;
}

/** Which tensors a file has, and where: the same text for the same model. */
function layoutOf({ tensors }: GgufFile): string {
  return JSON.stringify(Array.from(tensors.values(), ({ name, type, shape, offset }) => [name, type, shape, offset]));
}
