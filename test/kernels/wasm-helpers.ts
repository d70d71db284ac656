/**
 * @file Runs the same small graph on the wasm backend and on the reference backend.
 */

import { type GgmlTypeName, ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend, type WasmOptions } from '../../src/kernels/wasm/index.ts';
import type { Backend, WeightRole, WeightSource } from '../../src/tensor/backend.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';
import type { Batch, Ops, Tensor, Weight } from '../../src/tensor/ops.ts';

/** A generator of the same numbers for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `n` values, roughly normal. */
export function normal(n: number, seed: number, scale = 1): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length: n }, () => (next() + next() + next() + next() - 2) * 1.7 * scale);
}

/** A tensor of a file that holds `values` in `type`. */
export function source(name: string, type: GgmlTypeName, shape: number[], values: Float32Array): WeightSource {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const bytes = new Uint8Array((values.length / blockSize) * blockBytes);
  codecs[type]!.quantize!(values, bytes, values.length);
  return bytesSource(name, type, shape, bytes);
}

/** A tensor of a file whose data is `bytes`. */
export function bytesSource(name: string, type: GgmlTypeName, shape: number[], bytes: Uint8Array): WeightSource {
  return {
    name,
    type: ggmlTypes[type],
    shape,
    byteLength: bytes.length,
    async read(offset, into) {
      into.set(bytes.subarray(offset, offset + into.length));
    },
  };
}

/** A batch of sequences of these lengths with random ids below `nVocab`. */
export function batchOf(lengths: number[], nVocab = 50, seed = 7): Batch {
  const next = random(seed);
  const offsets = Int32Array.from([0, ...lengths]);
  for (let s = 1; s < offsets.length; s++) offsets[s] += offsets[s - 1];
  return {
    ids: Int32Array.from({ length: offsets[lengths.length] }, () => Math.floor(next() * nVocab)),
    positions: Int32Array.from(lengths.flatMap((n) => Array.from({ length: n }, (_, i) => i))),
    offsets,
  };
}

/** Weights by name, with what they are for. */
export type Sources = Record<string, readonly [WeightSource, WeightRole]>;

/** A graph over weights. */
export type Graph = (ops: Ops, weights: Record<string, Weight>) => Tensor;

/** Loads `sources` into `backend`. */
export async function load(backend: Backend, sources: Sources): Promise<Record<string, Weight>> {
  const weights: Record<string, Weight> = {};
  for (const [name, [from, role]] of Object.entries(sources)) weights[name] = backend.allocate(from, role);
  for (const [name, [from]] of Object.entries(sources)) await backend.fill(weights[name], from);
  return weights;
}

/** What `graph` gives on each of the two backends. */
export async function both(
  sources: Sources,
  batch: Batch,
  graph: Graph,
  options: WasmOptions = { precision: 'exact' },
): Promise<{ wasm: Float32Array; reference: Float32Array }> {
  const results: Float32Array[] = [];
  for (const backend of [await createWasmBackend(options), await createReferenceBackend()]) {
    const weights = await load(backend, sources);
    backend.ops.begin(batch);
    results.push(await backend.ops.read(graph(backend.ops, weights)));
    backend.dispose();
  }
  return { wasm: results[0], reference: results[1] };
}

/** Largest |a − b| over the largest |b| (NaN equals NaN, infinity equals infinity). */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 1e-30;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || (Number.isNaN(a[i]) && Number.isNaN(b[i]))) continue;
    if (!Number.isFinite(a[i]) || !Number.isFinite(b[i])) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(b[i]));
    worst = Math.max(worst, Math.abs(a[i] - b[i]));
  }
  for (const value of b) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return worst / largest;
}
