/**
 * @file What the compute workers and their owner do for each other.
 *
 * The owner opens the file and reads its header. A worker gets both, and asks the owner for the bytes of its share of
 * the weights, so that every kind of source works; in Node it reads an open file by itself.
 */
import { GgufError, type GgufSnapshot } from '../gguf/index.ts';
import type { PrepareOptions, WasmSetup } from '../kernels/wasm/index.ts';
import {
  GpuDeviceLostError,
  GpuError,
  GpuOutOfMemoryError,
  GpuShaderError,
  GpuUnavailableError,
} from '../kernels/webgpu/errors.ts';
import type { Tuning, WebGpuOptions } from '../kernels/webgpu/index.ts';
import { ModelError, type Pooling } from '../models/index.ts';
import type { Precision } from '../tensor/backend.ts';
import type { Batch } from '../tensor/ops.ts';
import type { ErrorClass } from '../workers/index.ts';
import type { OpProfile } from './types.ts';

/** What a compute worker does for its owner. */
export interface TeamWorkerMethods {
  /** Comes first: makes the backend, loads this rank's share of the weights into it and returns its description. */
  load(params: {
    backend: WorkerBackend;
    source: { name: string; size: number; descriptor?: number };
    snapshot: GgufSnapshot;
  }): string;
  /**
   * One forward, together with the ranks below `team`. Returns its values; `undefined` from every rank but 0. With `observed`, the owner
   * is told every named step before.
   */
  run(params: { batch: Batch; pooling: Pooling; team: number; observed: boolean }): Float32Array | undefined;
  /** The profile so far. */
  profile(params: undefined): OpProfile[];
}

/** What the owner does for a compute worker. */
export interface TeamOwnerMethods {
  /**
   * Fills `buffer` with `length` bytes of the file and returns it. The buffer travels there and back, so that loading leaves
   * no garbage.
   */
  read(params: { offset: number; length: number; buffer: ArrayBuffer }): ArrayBuffer;
  progress(params: { done: number; total: number }): void;
  /** A named step of the forward under way. */
  step(params: { name: string; values: Float32Array; rows: number; cols: number }): void;
  /** The search for fast kernels has found more. */
  tuned(params: Tuning): void;
}

/** What a webgpu backend is made with, as plain data. */
export type GpuSetup = Pick<WebGpuOptions, 'precision' | 'gpuWeights' | 'memoryBudget' | 'autotune' | 'debug'> & {
  readonly precision: Precision;
  readonly tuning?: Tuning;
};

/** Backends that run in workers. One worker alone makes its own setup, because memory that is not shared cannot be sent. */
export type WorkerBackend =
  | { name: 'reference' }
  | { name: 'webgpu'; options: GpuSetup }
  | { name: 'wasm'; precision: Precision; profile: boolean; setup: PrepareOptions }
  | { name: 'wasm'; precision: Precision; profile: boolean; setup: WasmSetup; rank: number };

/** Classes that errors of a worker keep, because callers tell them apart. */
export const teamErrorClasses: readonly ErrorClass[] = [
  GgufError,
  ModelError,
  GpuError,
  GpuUnavailableError,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuShaderError,
];
