/**
 * @file The contract of a runner (a loaded model on a backend), and the runner on the calling thread.
 */
import type { BatchBounds } from '../../kernels/webgpu/index.ts';
import { type LoadedModel, loadModel, type Result, runForward } from '../../models/index.ts';
import { type LoadedTower, loadTower, type TowerInput, type TowerResult } from '../../models/vision/index.ts';
import type { Backend, BackendName, Precision } from '../../tensor/backend.ts';
import type { Batch } from '../../tensor/batch.ts';
import type { Observer } from '../../tensor/ops.ts';
import type { OpenModel } from '../load/open-model.ts';
import { type ProfileSource, readProfile } from '../trace/profile.ts';
import type { OpProfile } from '../types.ts';

/** A loaded model that turns batches into vectors, one batch at a time. */
export interface Runner {
  readonly backend: BackendName;
  /** One line, for display. */
  readonly description: string;
  readonly precision: Precision;
  readonly threads: number;
  /** Whether `run` computes on another thread or a GPU, so that this thread is free until it resolves. */
  readonly inBackground: boolean;
  /** Whether `run` may read from the files of the model, which then stay open until `dispose`. Default false. */
  readonly readsFiles?: boolean;
  /** Batches that it takes at a time, so that one waits on the device while another is computed. Default 1. */
  readonly maxInFlight?: number;
  /** What one batch may take, if the backend bounds it. */
  readonly batchBounds?: BatchBounds;
  /** Why the runner can no longer compute: a worker died, or a GPU was lost for good. */
  readonly failure: Error | undefined;
  /**
   * Hidden states of the batch, pooled: `[nSeq, n]`, or `[T, n]` for `none` and parts of tokens.
   * @param observer sees every named step
   */
  run(batch: Batch, pooling: Result, observer?: Observer): Promise<Float32Array>;
  /** Present where a worker can compute a batch by itself. */
  readonly alone?: AloneRunner;
  /**
   * Runs the next `nLayers` layers of the vision tower over images of the size that it takes. After the last layer, the result is the
   * rows that replace token embeddings, for each image.
   */
  runTower(from: TowerInput, nLayers: number, observer?: Observer): Promise<TowerResult>;
  /** Time by operation since the start, largest first; in a team, that of rank 0. Rejects unless the backend measures it. */
  profile(): Promise<OpProfile[]>;
  /** Frees everything. Safe to call twice. */
  dispose(): Promise<void>;
}

/** Computes batches with one worker each. */
export interface AloneRunner {
  readonly nWorkers: number;
  /**
   * What `run` of the runner returns, computed by the worker of that number: 0 … `nWorkers` − 1. Each takes one batch at a time, and `run`
   * and `runTower` only when all have ended.
   */
  run(rank: number, batch: Batch, pooling: Result): Promise<Float32Array>;
}

/** Progress and cancellation of loading. */
export interface LoadWatch {
  /** Called with the bytes of weights read so far and in total. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A backend, and what only that of wasm has. */
type LocalBackend = Backend & ProfileSource & { readonly readsOnDemand?: boolean };

/** Loads the weights into `backend`. The runner computes on the calling thread (or on the GPU that it drives). */
export async function startLocalRunner(
  { file, projector, adapters }: Pick<OpenModel, 'file' | 'projector' | 'adapters'>,
  backend: LocalBackend,
  precision: Precision,
  watch: LoadWatch,
): Promise<Runner> {
  try {
    const model = await loadModel(file, backend, { ...watch, adapters: adapters?.map((adapter) => adapter.file) });
    const tower = projector && (await loadTower(projector.file, backend, watch));
    return makeRunner({ backend, model, tower }, precision);
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

interface Loaded {
  readonly backend: LocalBackend;
  readonly model: LoadedModel;
  readonly tower?: LoadedTower;
}

/** A GPU queues what it is given; the CPU would compute two batches in turns. */
export function maxInFlightOf(backend: BackendName): number {
  return backend === 'webgpu' ? 2 : 1;
}

/** A separate function, so that only `loaded` references the weights. */
function makeRunner(weights: Loaded, precision: Precision): Runner {
  let loaded: Loaded | undefined = weights;
  const { name, description, readsOnDemand } = weights.backend;
  const use = () => {
    if (loaded === undefined) throw new Error('the model is disposed');
    return loaded;
  };
  return {
    backend: name,
    description,
    precision,
    threads: 1,
    inBackground: name === 'webgpu',
    readsFiles: readsOnDemand,
    maxInFlight: maxInFlightOf(name),
    failure: undefined,
    async run(batch, pooling, observer) {
      const { backend, model } = use();
      backend.observe(observer);
      return runForward(backend, model, batch, pooling, observer !== undefined);
    },
    async runTower(from, nLayers, observer) {
      const { backend, tower } = use();
      if (tower === undefined) throw new Error('no vision tower is loaded');
      backend.observe(observer);
      return tower.advance(backend.ops, from, nLayers, observer !== undefined);
    },
    profile: async () => readProfile(use().backend),
    async dispose() {
      loaded?.backend.dispose();
      loaded = undefined;
    },
  };
}
