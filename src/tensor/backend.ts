/**
 * @file What a compute backend is: memory for weights, and the operations over them.
 */
import type { GgmlType } from '../gguf/ggml-types.ts';
import type { Observer, Ops, Weight } from './ops.ts';

/** What a weight is for; a backend may keep each kind in another form. */
export type WeightRole =
  /** Right side of a product, `[nIn, nOut]`. */
  | 'matrix'
  /** Looked up by row, `[n, nRows]`. */
  | 'table'
  /** Added to or multiplied with each row, `[n]`; always small. */
  | 'vector'
  /** A stack of matrices, `[nIn, nOut, nExpert]`. */
  | 'experts';

/** A tensor of a file, as far as a backend needs to know it. */
export interface WeightSource {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  /** Bytes of the tensor's data. */
  readonly byteLength: number;
  /** Fills `into` with the bytes from `byteOffset` of the tensor on. Bytes are little-endian, whatever the file is. */
  read(byteOffset: number, into: Uint8Array): Promise<void>;
}

/** All precisions, the most exact first. */
export const precisions = ['exact', 'high', 'fast'] as const;

/**
 * How exactly products are computed.
 *  - `exact`: float32 throughout.
 *  - `high`: 14 to 16 bit activations, integer products; within 1e-5 of `exact` (1 − cosine). The default.
 *  - `fast`: 8 bit activations; as exact as llama.cpp's own Q8_0, at most 1e-3 from `exact`.
 */
export type Precision = (typeof precisions)[number];

/** Names of the backends, in the order in which `auto` would like to have them. */
export const backendNames = ['webgpu', 'wasm', 'reference'] as const;

/** One of `backendNames`. */
export type BackendName = (typeof backendNames)[number];

/** A place to compute. Made by one of the factories in `src/kernels`. */
export interface Backend {
  readonly name: BackendName;
  /** One line for people: instruction set, threads, adapter… */
  readonly description: string;
  /**
   * Reserves memory for a weight and returns its handle. Deterministic: the same calls in the same order give the same
   * layout, so that every thread can make the same handles over shared memory, of which each fills some.
   */
  allocate(source: WeightSource, role: WeightRole): Weight;
  /** Brings the data of an allocated weight into the backend's form. */
  fill(weight: Weight, source: WeightSource): Promise<void>;
  readonly ops: Ops;
  /** Shows every named step to `observer` from the next `begin` on; `undefined` ends it. */
  observe(observer: Observer | undefined): void;
  /** Gives all memory back. Safe to call twice. */
  dispose(): void;
}
