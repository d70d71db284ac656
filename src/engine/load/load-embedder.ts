/**
 * @file Makes the parts of an `Embedder` from the opened files of a model: its tokenizer, what computes it, and its description.
 */
import type { Metadata } from '../../gguf/index.ts';
import { outlineModel, unusedRopeSettings } from '../../models/index.ts';
import { createTokenizer, type Tokenizer } from '../../tokenizer/index.ts';
import type { Runner } from '../batching/runner.ts';
import { Scheduler } from '../batching/scheduler.ts';
import { InputError } from '../errors.ts';
import { defaultBatchTokens } from '../gpu/batch-size.ts';
import type { Vision } from '../images/plan.ts';
import { describeModel } from '../info.ts';
import { loraSources } from '../lora.ts';
import type { ModelInfo } from '../model-info.ts';
import type { OutputHeads } from '../outputs/passes.ts';
import { checkRankTokens } from '../rerank/rank-tokens.ts';
import type { Team } from '../team/team.ts';
import type { LoadOptions } from '../types.ts';
import { type Place, startRunner } from './backend.ts';
import { reported } from './load-listeners.ts';
import { createVision, mediaPoolingWarning, outlineVision } from './load-vision.ts';
import { type ModelFiles, type OpenModel, warnUnusedOverrides } from './open-model.ts';

/** The parts of an embedder. */
export interface EmbedderParts {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  /** The metadata of the file. */
  readonly metadata: Metadata;
  readonly runner: Runner;
  readonly scheduler: Scheduler;
  readonly hasPairTypes: boolean;
  /** Of each adapter. */
  readonly scales: readonly number[];
  readonly vision: Vision | undefined;
  readonly heads: OutputHeads;
  /** Open files that the runner reads, to be closed after it. */
  readonly files: ModelFiles | undefined;
}

/** What has been started before the header was read. */
export interface Started {
  readonly place: Place;
  readonly team: Team | undefined;
  /** Opens the files again. */
  readonly reopen: () => Promise<OpenModel>;
}

/**
 * Loads the weights and makes the rest meanwhile.
 * @throws what `Embedder.load` throws
 */
export async function loadParts(
  files: ModelFiles,
  opened: OpenModel,
  { place, team, reopen }: Started,
  options: LoadOptions,
): Promise<EmbedderParts> {
  const { onProgress, signal } = options;
  const { file, projector, adapters = [] } = opened;
  const { name } = opened.source;
  const model = file.metadata.string('general.name') ?? name;
  const outline = outlineModel(
    file,
    adapters.map((adapter) => adapter.file),
  );
  checkRankTokens(file, options);
  if (options.requireClassifier && outline.rankOutputs === undefined && outline.multi === undefined) {
    throw new InputError('option', `${model} is not a reranker: its file has no classifier (cls, cls.output)`);
  }
  const vision = outlineVision(projector, file, outline, options);
  const onLoaded = onProgress && ((done: number, total: number) => onProgress({ stage: 'load', done, total }));
  const watch = { signal, onProgress: onLoaded };
  const onWarning = options.onWarning && reported(options.onWarning);
  const starting = startRunner(place, team, opened, { ...options, onWarning }, watch, reopen);
  try {
    const tokenizer = createTokenizer(file.metadata);
    const runner = await starting;
    const { nCtxTrain, pooling: ownPooling, pairTokenTypes } = outline.hparams;
    const nCtx = options.rope ? (options.nCtx ?? nCtxTrain) : Math.min(options.nCtx ?? nCtxTrain, nCtxTrain);
    const ranks = options.requireClassifier ? outline.rankOutputs !== undefined : options.rankTokens !== undefined;
    const pooling = options.pooling ?? (ranks ? 'rank' : ownPooling);
    if (pooling === 'rank' && outline.lacksPooler) onWarning?.(poolerWarning(model));
    const mediaWarning = vision && mediaPoolingWarning(pooling, options);
    if (mediaWarning !== undefined) onWarning?.(mediaWarning);
    const { nUbatch = defaultBatchTokens(runner.batchBounds, file, outline) } = options;
    const info = describeModel(file, name, outline, runner, {
      nCtx,
      nUbatch,
      pooling,
      prompts: options.prompts ?? {},
      vision: vision && {
        projector: vision.tower.projector,
        source: projector!.source.name,
        mediaPooling: options.mediaPooling ?? 'last-text',
      },
      adapters: outline.adapters.map(({ alpha, rank, task, promptPrefix = '' }, id) => {
        return { id, path: adapters[id].source.name, alpha, rank, task, promptPrefix };
      }),
    });
    warnUnusedOverrides(file, { ...options, onWarning });
    for (const warning of unusedRopeSettings(options.rope ?? {}, file.metadata)) onWarning?.(warning);
    const scheduler = new Scheduler(runner, nUbatch, options.onBatch, vision?.rules(nUbatch));
    return {
      info,
      tokenizer,
      metadata: file.metadata,
      runner,
      scheduler,
      hasPairTypes: pairTokenTypes,
      scales: loraSources('lora', options.lora ?? []).map(({ scale = 1 }) => scale),
      heads: outline,
      files: runner.readsFiles ? files : undefined,
      vision: vision && createVision(vision, scheduler, options, place.worker),
    };
  } catch (error) {
    starting.then(
      (runner) => runner.dispose(),
      () => {},
    );
    throw error;
  }
}

function poolerWarning(name: string): string {
  return `${name} lacks the pooler of a BERT cross-encoder (cls.weight), which llama.cpp's converter drops: scores are on another scale than the original model's, and their order can differ`;
}
