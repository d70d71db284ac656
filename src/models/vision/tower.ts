/**
 * @file What a vision tower is, for the registry of towers and for the engine: pixels of an image to rows that take the place of token
 * embeddings in a text model.
 */
import type { Ops, Tensor } from '../../tensor/ops.ts';
import type { StepNameTable } from '../names/step-names.ts';
import type { WeightLoader } from '../weights.ts';
import type { VisionParameters } from './parameters.ts';

/** The pixels of an image, three bytes (R, G, B) each, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** `3 · width · height` bytes. */
  readonly rgb: Uint8Array;
}

/** How an image is brought to the size that a tower takes. Its proportions stay; what is left over becomes black. */
export type Preprocessing =
  /** Sides are multiples of `unit` pixels, a token each square of them; the number of tokens is kept within the limits. */
  | {
      readonly kind: 'dynamic';
      readonly unit: number;
      readonly filter: 'bicubic';
      readonly minTokens: number;
      readonly maxTokens: number;
    }
  /** A square of `size` pixels a side. */
  | { readonly kind: 'square'; readonly size: number; readonly filter: 'bilinear' };

/** How the patches of an image are ordered. */
export interface PatchOrder {
  /** Patches a side of what becomes one token. */
  readonly merge: number;
  /** Tokens a side of a window; tokens go window by window then. Default: one window, the image. */
  readonly window?: number;
}

/** The tokens of one image, as a grid. */
export interface TokenGrid {
  /** Columns. */
  readonly nx: number;
  /** Rows. */
  readonly ny: number;
}

/** A tower: weights bound to one backend. */
export interface Tower {
  readonly parameters: VisionParameters;
  readonly preprocessing: Preprocessing;
  /** How the patches of an image are ordered and grouped into tokens. */
  readonly order: PatchOrder;
  /** Columns of a row: the width of the text model, once more for each of its layers that takes a part of the row. */
  readonly width: number;
  /** Texts whose tokens stand before and after an image. */
  readonly begin: string;
  readonly end: string;
  /** How the text model sees the tokens of an image: one after the other, or all of an image from each of them. */
  readonly sees: 'causal' | 'image';
  /** Where the positions of patches lie in the table of learned ones, which has `side` rows and columns: each between four of them. */
  readonly interpolates?: { readonly side: number };
  /** What llama.cpp calls the steps of `forward`. */
  readonly names: StepNameTable;
  /** From the patches of the batch given to `ops.begin` to a row a token, `[n, width]`. */
  forward(ops: Ops): Tensor;
}

/** An entry of the registry. */
export interface TowerArchitecture {
  /** `clip.projector_type` in the file. */
  readonly id: string;
  /** Declares every weight with its expected shape; the loader fills them afterwards. */
  build(loader: TowerLoader): Tower;
}

/** Declares the weights of a tower. */
export type TowerLoader = WeightLoader<VisionParameters>;
