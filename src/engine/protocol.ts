/**
 * @file What the compute workers and their owner say to each other.
 *
 * The owner keeps the file: a worker asks for the bytes it needs, so every kind of source works, files are opened once,
 * and only rank 0 asks for weights. The other ranks share its memory.
 */
import { GgufError } from '../gguf/index.ts';
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
import type { OpProfile } from './types.ts';

/** From the owner to a worker. */
export type ToWorker =
  /** First message: which backend to make and which file to load into it. */
  | { kind: 'load'; backend: WorkerBackend; source: { name: string; size: number } }
  /** Answer to `read`: its buffer, filled. */
  | { kind: 'bytes'; id: number; buffer: ArrayBuffer }
  | { kind: 'readFailed'; id: number; error: SentError }
  /** One forward, together with the ranks below `team`. */
  | { kind: 'run'; id: number; batch: Batch; pooling: Pooling; team: number }
  /** Asks for the profile so far. */
  | { kind: 'profile' };

/** From a worker to the owner. */
export type FromWorker =
  /** Asks for `length` bytes of the file. The buffer travels there and back, so that loading leaves no garbage. */
  | { kind: 'read'; id: number; offset: number; length: number; buffer: ArrayBuffer }
  | { kind: 'progress'; done: number; total: number }
  | { kind: 'loaded'; description: string }
  | { kind: 'loadFailed'; error: SentError }
  /** Values of a forward; empty from every rank but 0. */
  | { kind: 'done'; id: number; values: Float32Array }
  | { kind: 'runFailed'; id: number; error: SentError }
  /** The search for fast kernels has found more. */
  | { kind: 'tuned'; tuning: Tuning }
  | { kind: 'profiled'; profile: OpProfile[] };

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

/** An error on its way between threads, where classes and fields are lost. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Takes an error apart. */
export function sendError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), fields: {} };
  const { name, message, stack } = error;
  const plain = Object.entries(error).filter(([, value]) => typeof value === 'string' || typeof value === 'number');
  return { name, message, stack, fields: Object.fromEntries(plain) };
}

const sentClasses = [
  GgufError,
  ModelError,
  GpuError,
  GpuUnavailableError,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuShaderError,
];

/** Puts an error together again, of its class where callers tell them apart. */
export function receiveError({ name, message, stack, fields }: SentError): Error {
  const error = new Error(message);
  const known = sentClasses.find((kind) => kind.name === name);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  return Object.assign(error, { ...fields, name, stack });
}
