/**
 * @file The contract of a vision tower, for the registry and the engine. A tower turns the pixels of an image into rows that replace token
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

/** How an image is resized for a tower. Its proportions stay, and the rest of the canvas is black, unless it says otherwise. */
export type Preprocessing =
  /**
   * Sides are multiples of `unit` pixels; each square of `unit` pixels a side becomes one token. The number of tokens stays within the
   * limits.
   */
  | {
      readonly kind: 'dynamic';
      readonly unit: number;
      readonly filter: 'bicubic';
      readonly minTokens: number;
      readonly maxTokens: number;
    }
  /** A square of `size` pixels a side. */
  | { readonly kind: 'square'; readonly size: number; readonly filter: 'bilinear' }
  /**
   * Square tiles of `size` pixels a side, and then the whole image in one more square. Without limits of tokens and with `longest`, the
   * image is stretched to tiles after its longer side has `longest` pixels.
   */
  | {
      readonly kind: 'tiles';
      readonly size: number;
      readonly longest?: number;
      /** Pixels a side of the square that becomes one token. */
      readonly unit: number;
      /** Limits of the tokens of the tiles together, without the whole image. */
      readonly minTokens?: number;
      readonly maxTokens?: number;
    };

/** How the patches of an image are ordered. */
export interface PatchOrder {
  /** Patches along a side of the square that becomes one token. */
  readonly merge: number;
  /** Tokens along a side of a window; tokens are then ordered window by window. Default: one window, the image. */
  readonly window?: number;
}

/** The tokens of one image, as a grid. */
export interface TokenGrid {
  /** Columns. */
  readonly nx: number;
  /** Rows. */
  readonly ny: number;
}

/** Texts whose tokens surround the tiles of an image. */
export interface TileTexts {
  /** Stands before a tile; rows and columns count from 0. */
  before(row: number, column: number): string;
  /** Stands between two rows. */
  readonly rowEnd: string;
}

/**
 * A tower: weights bound to one backend. Its forward is `embed`, each `layer` in turn, `project`. The stages are apart, so that a pass over
 * a large image can pause between two layers.
 */
export interface Tower {
  readonly parameters: VisionParameters;
  readonly preprocessing: Preprocessing;
  /** How the patches of an image are ordered and grouped into tokens. */
  readonly order: PatchOrder;
  /** Columns of a row: the width of the text model, plus as many for each of its layers that takes a part of the row. */
  readonly width: number;
  /** Texts whose tokens surround an image. */
  readonly begin: string;
  readonly end: string;
  /** Texts of the tiles, which come first; `begin` and `end` then surround the whole image. */
  readonly tiles?: TileTexts;
  /** What each token of an image sees in the text model: only earlier tokens, or the whole image. */
  readonly sees: 'causal' | 'image';
  /** The positions of patches in the table of learned positions, which has `side` rows and columns. Each patch is between four entries. */
  readonly interpolates?: { readonly side: number };
  /** llama.cpp's names of the steps of `forward`. */
  readonly names: StepNameTable;
  /** The patches of the batch given to `ops.begin` → hidden states before the first layer, `[T, nEmbd]`. */
  embed(ops: Ops): Tensor;
  /** Layer `il`: `[T, nEmbd]` → `[T, nEmbd]`. */
  layer(ops: Ops, x: Tensor, il: number): Tensor;
  /**
   * What the first layers of the text model take of the hidden states behind layer `il`, `[n, nEmbdText]`; `undefined` for layers of which
   * they take nothing.
   */
  deepstack?(ops: Ops, x: Tensor, il: number): Tensor | undefined;
  /** Hidden states behind the last layer → one row for each token, `[n, nEmbdText]`. */
  project(ops: Ops, x: Tensor): Tensor;
}

/** An entry of the registry. */
export interface TowerArchitecture {
  /** `clip.projector_type` in the file. */
  readonly id: string;
  /** Architectures of the text models that it was trained with. */
  readonly textModels: readonly string[];
  /** Declares every weight with its expected shape; the loader fills them afterwards. */
  build(loader: TowerLoader): Tower;
}

/** Declares the weights of a tower. */
export type TowerLoader = WeightLoader<VisionParameters>;
