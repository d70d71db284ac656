/**
 * @file The contract of a compute backend: memory for weights, and operations on them.
 */
import type { GgmlType } from '../gguf/ggml-types.ts';
import type { OnDemandReads } from '../gguf/source.ts';
import type { Batch } from './batch.ts';
import type { Observer, Ops, Tensor, Weight } from './ops.ts';

/** What a weight is used for. A backend may store each kind in a different form. */
export type WeightRole =
  /** Right side of a product, `[nIn, nOut]`. */
  | 'matrix'
  /** The same, `[nIn, nExpert]`, where the largest results choose experts: a small error can give wholly different outputs. Always small. */
  | 'router'
  /** Looked up by row, `[n, nRows]`. */
  | 'table'
  /** Added to or multiplied with each row, `[n]`, or a table `[n, nRows]` that attention reads by distance; always small. */
  | 'vector'
  /** A stack of matrices, `[nIn, nOut, nExpert]`. */
  | 'experts';

/** What a backend needs to know about a tensor of a file. */
export interface WeightSource {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  /** Bytes of the tensor's data. */
  readonly byteLength: number;
  /** Fills `into` with the tensor's bytes from `byteOffset` on. The bytes are little-endian, whatever the file's byte order is. */
  read(byteOffset: number, into: Uint8Array): Promise<void>;
  /** Reads after loading, where the file stays open. Offsets are those of the tensor's data. */
  readonly onDemand?: OnDemandReads;
}

/** All precisions, the most exact first. */
export const precisions = ['exact', 'high', 'fast'] as const;

/**
 * How exactly products are computed.
 * - `exact`: float32 throughout.
 * - `high`: 14 to 16 bit activations, integer products; 1 − cosine to `exact` is at most 1e-5. This is the default.
 * - `fast`: 8 bit activations; as exact as llama.cpp's Q8_0; 1 − cosine to `exact` is at most 1e-3.
 */
export type Precision = (typeof precisions)[number];

/** Names of the backends, in the order in which `auto` prefers them. */
export const backendNames = ['webgpu', 'wasm', 'reference'] as const;

/** One of `backendNames`. */
export type BackendName = (typeof backendNames)[number];

/** The most workers of a team. */
export const maxThreads = 256;

/** One of several workers that load the weights into one memory. */
export interface WeightPart {
  readonly rank: number;
  readonly nRanks: number;
}

/** Stores weights and computes operations. The factories in `src/kernels` make backends. */
export interface Backend {
  readonly name: BackendName;
  /** One line for users: instruction set, threads, adapter… */
  readonly description: string;
  /**
   * Reserves memory for a weight and returns its handle. The layout is deterministic: the same calls in the same order give the same
   * addresses. All threads can therefore make the same handles over shared memory, and each thread fills some of them.
   */
  allocate(source: WeightSource, role: WeightRole): Weight;
  /** Loads the data of an allocated weight and converts it to the backend's form. */
  fill(weight: Weight, source: WeightSource): Promise<void>;
  /**
   * Loads one worker's part of a matrix or table; together, the parts of all workers are what `fill` loads. A worker gets the columns that it
   * multiplies with, so that on machines with several memories they are in its own. Without this method, a weight is filled by one worker.
   */
  fillPart?(weight: Weight, source: WeightSource, part: WeightPart): Promise<void>;
  readonly ops: Ops;
  /**
   * Computes a forward and returns the values of its result. A backend with this method plans the same forward once.
   * @param key names the forward: the same operations for the same key, whatever the batch
   * @param forward makes the result with `ops`; not called when the backend has kept a plan
   */
  compute?(batch: Batch, key: string, forward: () => Tensor): Promise<Float32Array>;
  /** Shows every named step to `observer` from the next `begin` on. `undefined` removes the observer. */
  observe(observer: Observer | undefined): void;
  /** Frees all memory. May be called twice. */
  dispose(): void;
}
