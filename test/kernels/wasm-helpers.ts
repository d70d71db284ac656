/**
 * @file Runs the same small graph on the wasm backend and on the reference backend.
 */

import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend, type WasmOptions } from '../../src/kernels/wasm/index.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import { evaluate, type Graph, type Sources } from './graphs.ts';

/** What `graph` gives on each of the two backends. */
export async function both(
  sources: Sources,
  batch: Batch,
  graph: Graph,
  options: WasmOptions = { precision: 'exact' },
): Promise<{ wasm: Float32Array; reference: Float32Array }> {
  const results: Float32Array[] = [];
  for (const backend of [await createWasmBackend(options), await createReferenceBackend()]) {
    results.push(await evaluate(backend, sources, batch, graph));
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
