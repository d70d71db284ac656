/**
 * @file A trace: every named intermediate of the forward pass of one input. What to do with it (files, comparisons,
 * reports) is not part of this file.
 */
import type { Pooling } from '../models/index.ts';
import type { Observer } from '../tensor/ops.ts';
import type { EmbedOptions, ModelInfo } from './types.ts';

/** Options of `trace`. */
export interface TraceOptions
  extends Pick<EmbedOptions, 'pooling' | 'normalize' | 'truncate' | 'onProgress' | 'signal'> {
  /** Keep only steps whose names match one of these patterns; `*` matches any text, `?` one character. Default: all. */
  readonly only?: readonly string[];
}

/** One named intermediate of a forward pass. */
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
  /** The model and the backend. */
  readonly info: ModelInfo;
  /** The tokens of the input, special ones included, after truncation. */
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  readonly pooling: Pooling;
  /**
   * In the order of computation. The last one is `result_embd_pooled`, the vector before it is normalised. The backend
   * `reference` shows every step; the others show only those that they hold in memory completely.
   */
  readonly steps: readonly TraceStep[];
  /** What `embed` returns: with pooling `none`, the vectors of all tokens, concatenated. */
  readonly vector: Float32Array;
  /** Values in one vector. */
  readonly dimensions: number;
}

/** An observer that keeps the steps that match `only`. */
export function collectSteps(only: readonly string[] | undefined): { steps: TraceStep[]; observer: Observer } {
  const wanted = only === undefined ? undefined : namePattern(only);
  const steps: TraceStep[] = [];
  const observer: Observer = (name, values, rows, cols) => {
    if (wanted === undefined || wanted.test(name)) steps.push({ name, rows, cols, values });
  };
  return { steps, observer };
}

/** The names that match one of `only`, where `*` is any text and `?` one character. */
export function namePattern(only: readonly string[]): RegExp {
  const wildcards: Readonly<Record<string, string>> = { '*': '.*', '?': '.' };
  const sources = only.map((pattern) => pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, (c) => wildcards[c] ?? `\\${c}`));
  return new RegExp(`^(?:${sources.join('|')})$`, 's');
}
