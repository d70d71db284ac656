/**
 * @file Runs UMAP until it has converged or is stopped.
 */
import { WorkerCalls } from '../calls.ts';
import { startWorker } from '../start-worker.ts';
import type { UmapMethods, UmapNote } from './umap-worker.ts';

/** Most texts: the neighbours of all pairs are compared, which takes half a minute for these. */
export const UMAP_LIMIT = 10_000;

/** What UMAP lays out. */
interface UmapInput {
  /** Unit vectors, row-major. */
  readonly matrix: Float32Array;
  readonly size: number;
  readonly start: Float32Array;
}

/** The positions at the end. An abort ends the worker at once. */
export async function runUmap(
  input: UmapInput,
  onNote: (note: UmapNote) => void,
  signal: AbortSignal,
): Promise<Float32Array> {
  const worker = new WorkerCalls<UmapMethods>(startWorker(new URL('./umap-worker.ts', import.meta.url)));
  try {
    return await worker.call('run', input, { onNote, signal });
  } finally {
    worker.end();
  }
}
