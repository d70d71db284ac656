/**
 * @file Pictures in tiles, for towers that see squares of one size: the picture is resized to whole tiles and cut, and it is seen whole once
 * more in one square. Sizes and filters are llama.cpp's.
 */
import { ImageError } from './errors.ts';
import { alignedSize, fitPicture, type Size } from './fit.ts';
import type { RgbImage } from './pixels.ts';
import { resample } from './resample.ts';

/** How a tower wants its tiles. */
export interface Tiling {
  /** Pixels a side of a tile. */
  readonly size: number;
  /** Pixels of the longer side of a picture before it is stretched to whole tiles. */
  readonly longest?: number;
  /** Pixels a side of the square that becomes one token. */
  readonly unit: number;
  /** Limits of the tokens of all tiles together. With one of them, a picture keeps its proportions, on a black canvas. */
  readonly minTokens?: number;
  readonly maxTokens?: number;
}

/** The tiles of a picture. */
export interface TileGrid {
  readonly columns: number;
  readonly rows: number;
  /** The size of the picture before it is stretched to whole tiles; `undefined` where it keeps its proportions. */
  readonly scaled?: Size;
}

/** Most tiles of a picture, and most pixels of all of them. */
const MAX_TILES = 1024;
const MAX_PIXELS = 2 ** 27;

/**
 * The tiles of a picture of this size.
 * @param name of the picture, for the error
 * @throws ImageError `limit` for too many tiles
 */
export function tileGrid(picture: Size, tiling: Tiling, name?: string): TileGrid {
  const { size } = tiling;
  const scaled = scaledSize(picture, tiling);
  const whole = scaled ?? wholeSize(picture, tiling);
  const [columns, rows] = [Math.ceil(whole.width / size), Math.ceil(whole.height / size)];
  if (columns * rows > MAX_TILES || columns * rows * size * size > MAX_PIXELS) {
    const tiles = `the picture would be cut into ${columns}x${rows} tiles of ${size}x${size} pixels`;
    throw new ImageError('limit', `${tiles}; at most ${MAX_TILES} tiles and ${MAX_PIXELS} pixels are allowed`, name);
  }
  return { columns, rows, scaled };
}

/** The size at which the longer side has its length. The shorter side is even, and has at least one pixel. */
function scaledSize({ width: w, height: h }: Size, { longest, minTokens, maxTokens }: Tiling): Size | undefined {
  if (longest === undefined || minTokens !== undefined || maxTokens !== undefined) return undefined;
  const shorter = Math.trunc(w >= h ? longest / (w / h) : longest * (w / h));
  const even = Math.max(1, shorter + (shorter % 2));
  return w >= h ? { width: longest, height: even } : { width: even, height: longest };
}

/** The size in whole tiles of a picture that keeps its proportions. */
function wholeSize(picture: Size, { size, longest, unit, minTokens, maxTokens }: Tiling): Size {
  const pixels = (tokens: number | undefined) => (tokens === undefined ? undefined : tokens * unit * unit);
  return alignedSize(picture, size, { longest, minPixels: pixels(minTokens), maxPixels: pixels(maxTokens) });
}

/**
 * The tiles of a picture row by row, then the whole picture in the size of a tile.
 * @throws ImageError as `tileGrid` does
 */
export function cutTiles(image: RgbImage, tiling: Tiling): RgbImage[] {
  const { size } = tiling;
  const { columns, rows, scaled } = tileGrid(image, tiling);
  const canvas = { width: columns * size, height: rows * size };
  const whole =
    scaled === undefined
      ? fitPicture(image, canvas, 'bicubic')
      : resample(resample(image, scaled.width, scaled.height, 'lanczos'), canvas.width, canvas.height, 'lanczos');
  const tiles: RgbImage[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) tiles.push(cut(whole, column * size, row * size, size));
  }
  const overview =
    scaled === undefined ? resample(image, size, size, 'bicubic') : resample(whole, size, size, 'lanczos');
  return [...tiles, overview];
}

/** The square with `size` pixels a side whose top left corner is at (`left`, `top`). */
function cut({ width, rgb }: RgbImage, left: number, top: number, size: number): RgbImage {
  const own = new Uint8Array(3 * size * size);
  for (let y = 0; y < size; y++) {
    const from = 3 * ((top + y) * width + left);
    own.set(rgb.subarray(from, from + 3 * size), 3 * y * size);
  }
  return { width: size, height: size, rgb: own };
}
