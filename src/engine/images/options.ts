/**
 * @file Options for reading images and resizing them for a vision tower.
 */

import { check, choice, nested, type OptionTable, positive } from '../../check-options.ts';
import type { ImageLimits } from '../../image/limits.ts';
import type { Preprocessing } from '../../models/vision/index.ts';
import { InputError } from '../errors.ts';

/** How to treat the orientation in EXIF data. */
export const exifModes = ['ignore', 'rotate'] as const;

/** The part of an input with images that pooling uses. */
export const mediaPoolings = ['last-text', 'whole'] as const;

/** Options for the images of a model. */
export interface ImageOptions {
  /** Fewest tokens of an image, for towers that take any size or see tiles: smaller images are enlarged. Default: the tower's own. */
  readonly minTokens?: number | undefined;
  /** Most tokens of an image, for towers that take any size or see tiles: larger images are reduced. Default: the tower's own. */
  readonly maxTokens?: number | undefined;
  /** `rotate` applies the orientation that the camera recorded. Default `ignore`: pixels as stored, as in llama.cpp. */
  readonly exif?: (typeof exifModes)[number] | undefined;
  /**
   * Colour (R, G, B, 0 to 255) behind transparent pixels. Default: none; alpha is dropped and the stored colours stay, as in
   * llama.cpp.
   */
  readonly background?: readonly [number, number, number] | undefined;
  /** Largest images that are accepted. Default: 64 MiB, 65 535 pixels a side, 67 108 864 pixels. */
  readonly limits?: { readonly [Name in keyof ImageLimits]?: number | undefined } | undefined;
  /** Most images in one input. Default 256. */
  readonly perInput?: number | undefined;
}

const isByte = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;

export const imageOptions: OptionTable<ImageOptions> = {
  minTokens: positive,
  maxTokens: positive,
  exif: choice(exifModes),
  background: check(
    (value) => Array.isArray(value) && value.length === 3 && value.every(isByte),
    'three numbers from 0 to 255',
  ),
  limits: nested<ImageLimits>({ bytes: positive, side: positive, pixels: positive }),
  perInput: positive,
};

/**
 * The tower's own preprocessing with the caller's limits of tokens.
 * @throws InputError if the lower limit is above the upper one
 */
export function limitTokens(preprocessing: Preprocessing, { minTokens, maxTokens }: ImageOptions): Preprocessing {
  if (preprocessing.kind === 'square') return preprocessing;
  const smallest = minTokens ?? preprocessing.minTokens;
  const largest = maxTokens ?? preprocessing.maxTokens;
  if (smallest !== undefined && largest !== undefined && smallest > largest) {
    throw new InputError('option', `images.minTokens (${smallest}) must not be above images.maxTokens (${largest})`);
  }
  const limits = { ...(minTokens && { minTokens }), ...(maxTokens && { maxTokens }) };
  return { ...preprocessing, ...limits };
}
