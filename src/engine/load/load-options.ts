/**
 * @file What each option of `Embedder.load` may be.
 */
import {
  abortSignal,
  callback,
  check,
  choice,
  finite,
  flag,
  integer,
  nested,
  type OptionTable,
  positive,
  text,
} from '../../check-options.ts';
import { metadataValues } from '../../gguf/metadata-values.ts';
import type { HubOptions } from '../../hub/options.ts';
import { isPooling, POOLING_FORMS, type RopeSettings, ropeScalings } from '../../models/index.ts';
import { backendNames, maxThreads, precisions } from '../../tensor/backend.ts';
import { type GpuOptions, gpuWeightForms, type TuningCache } from '../gpu/options.ts';
import { imageOptions, mediaPoolings } from '../images/options.ts';
import { isPrompt, PROMPT_FORMS } from '../inputs/prompts.ts';
import { loraSources } from '../lora.ts';
import type { LoadOptions } from '../types.ts';
import { isModelSource, MODEL_SOURCES } from './source.ts';

const hub: OptionTable<HubOptions> = {
  token: text,
  endpoint: text,
  file: text,
  cacheFolder: text,
  offline: flag,
  connections: positive,
};

const rope: OptionTable<RopeSettings> = {
  scaling: choice(ropeScalings),
  freqBase: finite,
  freqScale: finite,
  yarnOrigCtx: finite,
  yarnExtFactor: finite,
  yarnAttnFactor: finite,
  yarnBetaFast: finite,
  yarnBetaSlow: finite,
};

const gpu: OptionTable<GpuOptions> = {
  memory: positive,
  weights: choice(gpuWeightForms),
  autotune: flag,
  tuningCache: check(isTuningCache, 'false or an object with the methods read and write'),
  debug: flag,
};

function isTuningCache(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === false;
  const { read, write } = value as Partial<TuningCache>;
  return typeof read === 'function' && typeof write === 'function';
}

function isRankTokens(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= 2 &&
    value.every((one) => typeof one === 'string' && one !== '')
  );
}

function isPrompts(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Object]' && Object.values(value as object).every(isPrompt);
}

export const loadOptions: OptionTable<LoadOptions> = {
  mmproj: check(isModelSource, MODEL_SOURCES),
  images: nested(imageOptions),
  imageCache: integer(0, Number.MAX_SAFE_INTEGER, 'a number of bytes'),
  mediaPooling: choice(mediaPoolings),
  backend: choice(['auto', ...backendNames]),
  threads: integer(1, maxThreads),
  precision: choice(precisions),
  packing: flag,
  reproducible: flag,
  keepBlocks: flag,
  rowsOnDemand: flag,
  gpu: nested(gpu),
  overrides: metadataValues,
  rope: nested(rope),
  lora: loraSources,
  rankTokens: check(isRankTokens, 'a list of one or two texts'),
  nCtx: positive,
  nUbatch: positive,
  pooling: check(isPooling, POOLING_FORMS),
  prompts: check(isPrompts, `prompts by name, each ${PROMPT_FORMS}`),
  hub: nested(hub),
  requireClassifier: flag,
  worker: flag,
  workerUrl: check((value) => typeof value === 'string' || isUrl(value), 'a URL or a string'),
  profile: flag,
  onBatch: callback,
  onWarning: callback,
  onProgress: callback,
  signal: abortSignal,
};

function isUrl(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object URL]';
}
