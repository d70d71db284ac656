/**
 * @file Loads the model that the options describe.
 */
import type { Embedder, LoadOptions } from '../engine/index.ts';
import { log, showProgress } from './log.ts';
import type { OptionValues } from './option-table.ts';

/** The model at `path`, as `serve` and `embed` load it. */
export async function loadEmbedder(
  path: string,
  values: OptionValues,
  more: Parameters<typeof loadOptions>[1] = {},
): Promise<Embedder> {
  const { Embedder } = await import('../engine/index.ts');
  return Embedder.load(path, loadOptions(values, more));
}

/**
 * What the options of the command line mean for loading a model.
 * @param worker whether to compute off this thread: costs time at the start, keeps this thread free. Several threads that
 *   were asked for are always workers.
 */
export function loadOptions(
  values: OptionValues,
  { worker, signal, onBatch }: Pick<LoadOptions, 'worker' | 'signal' | 'onBatch'>,
): LoadOptions {
  const threads = values.threadsBatch ?? values.threads;
  return {
    backend: values.backend,
    precision: values.precision,
    threads: threads < 1 ? undefined : threads,
    nCtx: values.ctxSize === 0 ? undefined : values.ctxSize,
    nUbatch: Math.min(values.batchSize, values.ubatchSize),
    pooling: values.reranking ? 'rank' : values.pooling,
    packing: values.packing,
    gpu: {
      memory: values.gpuMemory && values.gpuMemory * 2 ** 20,
      weights: values.gpuWeights,
      autotune: values.autotune,
      debug: values.gpuDebug,
    },
    worker: threads > 1 ? undefined : worker,
    profile: values.profile,
    onBatch,
    onWarning: log,
    onProgress: showProgress(),
    signal,
  };
}
