/**
 * @file Loads the model that the options describe.
 */
import { Embedder, type LoadOptions } from '../../engine/index.ts';
import { visionOptions } from '../input/images.ts';
import { log, showProgress } from '../log.ts';
import { readMetadataValues } from '../options/metadata-values.ts';
import { logUnusedOptions } from '../options/option-effects.ts';
import type { OptionValues } from '../options/option-table.ts';
import { inFlags } from '../options/option-words.ts';
import { UsageError } from '../usage-error.ts';
import { loraSources } from './lora-sources.ts';

/**
 * Loads the model at `path` for `serve` and `embed`.
 * @throws UsageError for pooling `rank` without a classifier, which would give meaningless scores; what `Embedder.load` throws
 */
export async function loadEmbedder(
  path: string,
  values: OptionValues,
  more: Parameters<typeof loadOptions>[1] = {},
): Promise<Embedder> {
  const embedder = await Embedder.load(path, loadOptions(values, more));
  const { name, pooling, rankOutputs, maxSim, adapters } = embedder.info;
  const applied = embedder.lora.filter(({ id, scale }) => scale !== 0 && adapters[id].task !== undefined);
  if (applied.length > 1 && values.task === undefined) {
    const tasks = applied.map(({ id }) => adapters[id].task).join(', ');
    log(`the adapters of several tasks are applied together (${tasks}): load them with --lora-init-without-apply`);
  }
  if (pooling !== 'rank' || rankOutputs !== undefined || maxSim !== undefined) {
    logUnusedOptions(values, embedder.info);
    return embedder;
  }
  await embedder.dispose();
  throw new UsageError(
    `${name} is not a reranker: its file has no classifier (cls, cls.output); to embed with it, choose another --pooling`,
  );
}

/** Compute threads; `undefined` leaves the number to the engine. */
export function threadsOf({ threads, threadsBatch = threads }: OptionValues): number | undefined {
  return threadsBatch < 1 ? undefined : threadsBatch;
}

/** The context of a slot is a multiple of this. */
const SLOT_STEP = 256;

/** Tokens of the longest input, as llama-server counts them: slots that `--parallel` names divide `--ctx-size`. */
function slotContext({ ctxSize, parallel, kvUnified }: OptionValues): number | undefined {
  if (ctxSize === 0) return undefined;
  // Commands that have no slots have no such options.
  if (!(parallel > 1) || kvUnified) return ctxSize;
  return Math.min(ctxSize, SLOT_STEP * Math.ceil(ctxSize / parallel / SLOT_STEP));
}

/**
 * Translates the options of the command line to those of `Embedder.load`.
 * @param worker whether to compute in a worker, which costs time at the start but keeps this thread free. If several threads
 *   were requested, they are always workers. `--no-worker` decides.
 * @param packing default: from the options
 */
export function loadOptions(
  values: OptionValues,
  {
    mmproj,
    worker,
    packing = values.packing,
    signal,
    onBatch,
    onProgress,
  }: Pick<LoadOptions, 'mmproj' | 'worker' | 'packing' | 'signal' | 'onBatch' | 'onProgress'>,
): LoadOptions {
  const threads = threadsOf(values);
  const show = showProgress();
  return {
    overrides: values.overrideKv && readMetadataValues(values.overrideKv, '--override-kv'),
    rope: ropeSettings(values),
    rankTokens: rankTokens(values),
    lora: loraSources(values),
    backend: values.backend,
    precision: values.precision,
    threads,
    nCtx: slotContext(values),
    nUbatch: batchTokens(values),
    pooling: values.reranking ? 'rank' : values.pooling,
    packing,
    reproducible: values.reproducible,
    rowsOnDemand: values.mmap,
    mmproj,
    ...visionOptions(values),
    gpu: {
      memory: values.gpuMemory && values.gpuMemory * 2 ** 20,
      weights: values.gpuWeights,
      autotune: values.autotune,
      debug: values.gpuDebug,
    },
    worker: values.worker === false ? false : threads !== undefined && threads > 1 ? undefined : worker,
    profile: values.profile,
    onBatch,
    onWarning: (warning) => log(inFlags(warning)),
    onProgress(progress) {
      show(progress);
      onProgress?.(progress);
    },
    signal,
  };
}

/** What `--batch-size` and `--ubatch-size` say together; `undefined` leaves the number to the engine. */
function batchTokens({ batchSize, ubatchSize }: OptionValues): number | undefined {
  const given = ubatchSize ?? (batchSize < 512 ? batchSize : undefined);
  return given && Math.min(batchSize, given);
}

/** @throws UsageError for more than two tokens */
function rankTokens({ rankTokens: texts }: OptionValues): LoadOptions['rankTokens'] {
  if (texts === undefined) return undefined;
  const [positive, negative, ...others] = texts;
  if (others.length === 0) return negative === undefined ? [positive] : [positive, negative];
  throw new UsageError(`--rank-tokens names ${texts.length} tokens: give one or two, such as yes,no`);
}

/** In llama.cpp, 0 or a negative number means the value from the file. */
function ropeSettings(values: OptionValues): LoadOptions['rope'] {
  if (values.ropeScale !== undefined && values.ropeFreqScale !== undefined) {
    throw new UsageError('--rope-scale and --rope-freq-scale set the same value: give one of them');
  }
  const given = (value: number) => (value < 0 ? undefined : value);
  const rope = {
    scaling: values.ropeScaling,
    freqBase: values.ropeFreqBase || undefined,
    freqScale: values.ropeScale === undefined ? values.ropeFreqScale : 1 / values.ropeScale,
    yarnOrigCtx: values.yarnOrigCtx || undefined,
    yarnExtFactor: given(values.yarnExtFactor),
    yarnAttnFactor: given(values.yarnAttnFactor),
    yarnBetaSlow: given(values.yarnBetaSlow),
    yarnBetaFast: given(values.yarnBetaFast),
  };
  return Object.values(rope).some((value) => value !== undefined) ? rope : undefined;
}
