/**
 * @file The methods by which workers and their owner call each other.
 *
 * The owner opens the file and reads its header. A worker gets both, and asks the owner for the bytes of its share of
 * the weights, so that every kind of source works; in Node it reads an open file by itself.
 */
import { GgufError, type GgufSnapshot } from '../../gguf/index.ts';
import type { MachineCosts, ModelSize, PrepareOptions, WasmSetup } from '../../kernels/wasm/index.ts';
import {
  GpuDeviceLostError,
  GpuError,
  GpuOutOfMemoryError,
  GpuShaderError,
  GpuUnavailableError,
} from '../../kernels/webgpu/errors.ts';
import type { BatchBounds, Tuning, WebGpuOptions } from '../../kernels/webgpu/index.ts';
import { ModelError } from '../../models/index.ts';
import type { Pixels, TowerInput, TowerResult } from '../../models/vision/index.ts';
import type { BackendName, Precision } from '../../tensor/backend.ts';
import type { ErrorClass, SharedMemory } from '../../workers/index.ts';
import type { RawImage } from '../images/image-source.ts';
import type { PrepareImages } from '../images/prepare.ts';
import type { OpProfile } from '../types.ts';
import type { Forward } from './shared-batch.ts';

/** The methods of a compute worker. */
export interface TeamWorkerMethods {
  /** Comes first, while the owner reads the header: loads the code of the backend. */
  start(params: { backend: BackendName }): void;
  /** Makes the backend and loads this rank's share of the weights into it, unless they are there. */
  load(params: {
    backend: WorkerBackend;
    model: SharedFile;
    projector?: SharedFile;
    adapters: readonly SharedFile[];
    /** Whether the shared memory holds all weights already. */
    isFilled: boolean;
    /** Memory through which the owner sends batches from then on, and the worker's place in it. */
    requests?: { readonly memory: SharedMemory; readonly rank: number };
  }): LoadedWorker;
  /**
   * Computes one forward pass alone, or together with the ranks below `team`: then rank 0 returns the values, the others `undefined`. With
   * `observed`, the owner first gets every named step.
   */
  run(params: Forward & { observed: boolean }): Float32Array | undefined;
  /** Looks for batches in the shared memory. */
  look(params: undefined): void;
  /** Returns, or throws, what the worker has kept of the last batch in shared memory; ranks above 0 only throw, unless they computed alone. */
  collect(params: undefined): Float32Array | undefined;
  /** Runs layers of the vision tower, together with the ranks below `team`. `run` says what returns and what `observed` does. */
  runTower(params: { from: TowerInput; nLayers: number; team: number; observed: boolean }): TowerResult | undefined;
  /** Decodes an image and resizes it for a tower, or cuts it into tiles. Needs no model. */
  prepare(params: { image: RawImage; options: PrepareImages }): readonly Pixels[];
  /** Measures what the machine costs, unless that is `known`, together with all other ranks and while none computes. Rank 0 answers. */
  measure(params: { known?: MachineCosts }): TeamCosts | undefined;
  /** The profile so far. */
  profile(params: undefined): OpProfile[];
}

/** What a worker tells of itself when it has loaded. */
export interface LoadedWorker {
  /** Of its backend. */
  readonly description: string;
  /** Whether it reads from the files of the model in later forwards, so that they must stay open. */
  readonly readsOnDemand: boolean;
  /** What one batch may take, if the backend bounds it. */
  readonly batchBounds?: BatchBounds;
}

/** What a team has measured. */
export interface TeamCosts {
  /** `undefined` where nothing follows from it. */
  readonly costs: { readonly machine: MachineCosts; readonly model: ModelSize } | undefined;
}

/** A file as the owner sends it: its header, and how to read its bytes. */
export interface SharedFile {
  readonly source: {
    readonly name: string;
    readonly size: number;
    readonly descriptor?: number;
    /** The owner keeps the file open for as long as a worker needs it. */
    readonly staysOpen: boolean;
  };
  readonly snapshot: GgufSnapshot;
}

/** The file to read: the model, its vision tower, or an adapter by its number. */
export type FileName = 'model' | 'projector' | number;

/** The methods of the owner. */
export interface TeamOwnerMethods {
  /**
   * Fills `buffer` with `length` bytes of the file and returns it. The buffer is transferred there and back, so that loading
   * creates no garbage.
   */
  read(params: { file: FileName; offset: number; length: number; buffer: ArrayBuffer }): ArrayBuffer;
  /** Answers when all members of the team have asked. */
  meet(): void;
  progress(params: { done: number; total: number }): void;
  /** Reports a named step of the current forward pass. */
  step(params: { name: string; values: Float32Array; rows: number; cols: number }): void;
  /** Reports new results of the search for fast kernels. */
  tuned(params: Tuning): void;
}

/** The options of a webgpu backend, as plain data. */
export type GpuSetup = Pick<
  WebGpuOptions,
  'precision' | 'gpuWeights' | 'layerWeights' | 'memoryBudget' | 'autotune' | 'debug'
> & {
  readonly precision: Precision;
  readonly tuning?: Tuning;
};

/** Backends that run in workers. A single worker creates its own setup, because memory that is not shared cannot be sent. */
export type WorkerBackend =
  | { name: 'reference' }
  | { name: 'webgpu'; options: GpuSetup }
  | { name: 'wasm'; precision: Precision; profile: boolean; setup: PrepareOptions }
  | { name: 'wasm'; precision: Precision; profile: boolean; setup: WasmSetup; rank: number };

/** Error classes that are kept across threads, because callers distinguish them. */
export const teamErrorClasses: readonly ErrorClass[] = [
  GgufError,
  ModelError,
  GpuError,
  GpuUnavailableError,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuShaderError,
];
