/**
 * @file What each option of `embed`, `trace`, `tokenize` and `rank` may be.
 */
import { abortSignal, callback, check, choice, flag, integer, type OptionTable, text } from '../../check-options.ts';
import { isPooling, POOLING_FORMS } from '../../models/index.ts';
import { type AdapterChoice, loraScales } from '../lora.ts';
import { MAX_DIMENSIONS } from '../outputs/normalize.ts';
import type { TraceOptions } from '../trace/trace.ts';
import {
  type EmbedOptions,
  inputTypes,
  outputKinds,
  type RankOptions,
  scoreScales,
  type TokenizeOptions,
  truncateSides,
} from '../types.ts';
import { isPrompt, PROMPT_FORMS } from './prompts.ts';

const normalize = check(Number.isSafeInteger, 'an integer (-1, 0, 1, 2 or p)');
const truncate = choice([true, false, ...truncateSides]);

const adapterChoice: OptionTable<AdapterChoice> = { lora: loraScales, task: text };

const isText = (value: unknown) => typeof value === 'string';

function isOutput(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((one) => (outputKinds as readonly unknown[]).includes(one))
  );
}

export const tokenizeOptions: OptionTable<TokenizeOptions> = { addSpecial: flag, parseSpecial: flag };

/** A copy of a list with a token position for each input. */
function positions(name: string, value: unknown): unknown {
  const list = check(Array.isArray, 'a list with a token position for each input')(name, value);
  return (list as unknown[]).slice();
}

export const embedOptions: OptionTable<EmbedOptions> = {
  output: check(isOutput, `a list of at least one of ${outputKinds.join(', ')}`),
  inputType: choice(inputTypes),
  addSpecial: flag,
  pooling: check(isPooling, POOLING_FORMS),
  normalize,
  dimensions: integer(1, MAX_DIMENSIONS),
  promptName: text,
  prompt: check(isPrompt, PROMPT_FORMS),
  truncate,
  ...adapterChoice,
  pairStarts: positions,
  poolFrom: positions,
  client: text,
  onSize: callback,
  observer: callback,
  onProgress: callback,
  signal: abortSignal,
};

export const traceOptions: OptionTable<TraceOptions> = {
  pooling: check(isPooling, POOLING_FORMS),
  normalize,
  truncate,
  promptName: text,
  prompt: check(isPrompt, PROMPT_FORMS),
  inputType: choice(inputTypes),
  ...adapterChoice,
  only: check((value) => Array.isArray(value) && value.every(isText), 'a list of name patterns'),
  onProgress: callback,
  signal: abortSignal,
};

export const rankOptions: OptionTable<RankOptions> = {
  topN: integer(0, Number.MAX_SAFE_INTEGER, 'an integer that is 0 or greater'),
  scores: choice(scoreScales),
  truncate: flag,
  lora: loraScales,
  client: text,
  onSize: callback,
  onProgress: callback,
  signal: abortSignal,
};
