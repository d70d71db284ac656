/**
 * @file A trace: everything that a forward of one input computes and has a name. What is done with it (files, comparisons,
 * reports) is not here.
 */
import type { Pooling } from '../models/index.ts';
import type { Observer } from '../tensor/ops.ts';
import { InputError } from './errors.ts';
import type { EmbedOptions, ModelInfo } from './types.ts';

/** Options of `trace`. */
export interface TraceOptions
  extends Pick<EmbedOptions, 'pooling' | 'normalize' | 'truncate' | 'onProgress' | 'signal'> {
  /** Keep only steps whose names fit one of these patterns; `*` stands for any text, `?` for one character. Default: all. */
  readonly only?: readonly string[];
}

/** One named intermediate of a forward. */
export interface TraceStep {
  /** llama.cpp's name with the layer's number: `ffn_out-3`. A name can occur several times. */
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** `[rows, cols]`, row-major. */
  readonly values: Float32Array;
}

/** What `trace` returns. */
export interface Trace {
  /** The model, and what computed. */
  readonly info: ModelInfo;
  /** The tokens of the input, special ones included, after truncation. */
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  readonly pooling: Pooling;
  /**
   * In the order of the forward; the last one is `result_embd_pooled`, which is the vector before it is normalised. The backend
   * `reference` shows every step, the others only those that they hold in memory as a whole.
   */
  readonly steps: readonly TraceStep[];
  /** What `embed` returns: with pooling `none` the vectors of all tokens end to end. */
  readonly vector: Float32Array;
  /** Values in one vector. */
  readonly dimensions: number;
}

/** Keeps the steps that `only` names, as an observer. */
export function collectSteps(only: readonly string[] | undefined): { steps: TraceStep[]; observer: Observer } {
  const wanted = only === undefined ? undefined : namePattern(only);
  const steps: TraceStep[] = [];
  const observer: Observer = (name, values, rows, cols) => {
    if (wanted === undefined || wanted.test(name)) steps.push({ name, rows, cols, values });
  };
  return { steps, observer };
}

/** @throws InputError unless `only` is a list of texts */
function namePattern(only: readonly string[]): RegExp {
  if (!Array.isArray(only) || !only.every((pattern) => typeof pattern === 'string')) {
    throw new InputError('option', 'only must be a list of patterns of names');
  }
  const wildcards: Readonly<Record<string, string>> = { '*': '.*', '?': '.' };
  const sources = only.map((pattern) => pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, (c) => wildcards[c] ?? `\\${c}`));
  return new RegExp(`^(?:${sources.join('|')})$`, 's');
}
