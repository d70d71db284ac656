/**
 * @file A trace: every named intermediate of the forward pass of one input. What to do with it (files, comparisons,
 * reports) is not part of this file.
 */
import type { Pooling } from '../../models/index.ts';
import type { Observer } from '../../tensor/ops.ts';
import type { ModelInfo } from '../model-info.ts';
import type { EmbedOptions } from '../types.ts';

/** Options of `trace`. */
export interface TraceOptions
  extends Pick<
    EmbedOptions,
    | 'pooling'
    | 'normalize'
    | 'truncate'
    | 'promptName'
    | 'prompt'
    | 'inputType'
    | 'lora'
    | 'task'
    | 'onProgress'
    | 'signal'
  > {
  /** Keep only steps whose names match one of these patterns; `*` matches any text, `?` one character. Default: all. */
  readonly only?: readonly string[] | undefined;
}

/** One named intermediate of a forward pass. */
export interface TraceStep {
  /** llama.cpp's name with the layer's number: `ffn_out-3`. A name can occur several times. */
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** `[rows, cols]`, row-major. */
  readonly values: Float32Array;
  /** For steps of the vision tower, which have a row for each patch: the index of the image in `Trace.images`. */
  readonly image?: number;
}

/** An image of the input as the vision tower sees it. */
export interface TracedImage {
  /** Its size in pixels, and the pixels: 3 bytes (R, G, B) each, row by row. */
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
  /** Its tokens as a grid of `nx` columns and `ny` rows, and which of the input's tokens is the first of them. */
  readonly nx: number;
  readonly ny: number;
  readonly firstToken: number;
  /** Its patches as a grid. */
  readonly patches: { readonly nx: number; readonly ny: number };
  /** The patch of each row of the tower's steps, by its index in raster order. */
  readonly order: Int32Array;
  /** The row where each window of attention begins, then the number of rows. A tower without windows has one. */
  readonly windows: Int32Array;
}

/** What `trace` returns. */
export interface Trace {
  /** The model and the backend. */
  readonly info: ModelInfo;
  /** The tokens of the input, special ones included, after truncation. Those of images have the id −1. */
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  /** The images of the input, in order. Where the tower sees tiles, each tile is one, and then the whole image. */
  readonly images: readonly TracedImage[];
  /** The first token that pooling sees: the one behind the last image, unless the model was loaded with `mediaPooling: 'whole'`. */
  readonly pooledFrom: number;
  readonly pooling: Pooling;
  /**
   * In the order of computation: those of the vision tower for each image, then those of the text model. The last one is `result_embd_pooled`, the vector before it is normalised. The backend
   * `reference` shows every step; the others show only those that they hold in memory completely.
   */
  readonly steps: readonly TraceStep[];
  /** What `embed` returns: with pooling `none`, the vectors of all tokens, concatenated. */
  readonly vector: Float32Array;
  /** Values in one vector. */
  readonly dimensions: number;
}

/** Collects the steps that match `only`: `observe()` makes an observer for the text model, or for the image of an index. */
export function collectSteps(only: readonly string[] | undefined) {
  const wanted = only === undefined ? undefined : namePattern(only);
  const steps: TraceStep[] = [];
  const observe =
    (image?: number): Observer =>
    (name, values, rows, cols) => {
      if (wanted !== undefined && !wanted.test(name)) return;
      steps.push({ name, rows, cols, values, ...(image !== undefined && { image }) });
    };
  return { steps, observe };
}

/** The names that match one of `only`, where `*` is any text and `?` one character. */
export function namePattern(only: readonly string[]): RegExp {
  const wildcards: Readonly<Record<string, string>> = { '*': '.*', '?': '.' };
  const sources = only.map((pattern) => pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, (c) => wildcards[c] ?? `\\${c}`));
  return new RegExp(`^(?:${sources.join('|')})$`, 's');
}

/** Whether a step is scores or shares of attention, which have a row for each head and token. */
export function isAttention(name: string): boolean {
  return /^kq(_soft_max)?(-|$)/.test(name);
}
