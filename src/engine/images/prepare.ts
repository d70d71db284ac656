/**
 * @file Turns the bytes of an image into pixels of the size that a vision tower takes. Runs in a worker if there is one.
 */
import type { RgbImage } from '../../image/pixels.ts';
import type { TileGrid } from '../../image/tiles.ts';
import type { Pixels, Preprocessing } from '../../models/vision/index.ts';
import { isPixels, type RawImage } from './image-source.ts';
import type { ImageOptions } from './options.ts';

/** Settings for all images of a model; plain data. */
export interface PrepareImages extends Pick<ImageOptions, 'exif' | 'background' | 'limits'> {
  readonly preprocessing: Preprocessing;
}

/** The size at which the tower takes an image of `width` by `height` pixels, or each of its tiles. */
export async function sizeForTower(size: { width: number; height: number }, preprocessing: Preprocessing) {
  if (preprocessing.kind !== 'dynamic') return { width: preprocessing.size, height: preprocessing.size };
  const { dynamicSize } = await import('../../image/index.ts');
  return dynamicSize(size, preprocessing.unit, preprocessing);
}

/**
 * Format and size of an image, from its header.
 * @throws ImageError if it cannot be read or exceeds a limit
 */
export async function measureImage(
  { name, content }: RawImage,
  { limits, exif }: Pick<PrepareImages, 'limits' | 'exif'>,
) {
  const { checkRgba, imageSize } = await import('../../image/index.ts');
  if (!isPixels(content)) return imageSize(content, { name, limits, exif });
  checkRgba(content, { name, limits });
  return content;
}

/**
 * The tiles that the tower sees of an image of `width` by `height` pixels; `undefined` for a tower that sees images whole.
 * @param name of the image, for the error
 * @throws ImageError for too many tiles
 */
export async function tilesForTower(
  size: { width: number; height: number },
  preprocessing: Preprocessing,
  name: string,
): Promise<TileGrid | undefined> {
  if (preprocessing.kind !== 'tiles') return undefined;
  const { tileGrid } = await import('../../image/index.ts');
  return tileGrid(size, preprocessing, name);
}

/**
 * Decodes an image and resizes it: one picture, or its tiles and then the whole image.
 * @throws ImageError if it cannot be decoded or exceeds a limit
 */
export async function prepareImage(image: RawImage, options: PrepareImages): Promise<Pixels[]> {
  const { preprocessing } = options;
  const { cutTiles, fitPicture } = await import('../../image/index.ts');
  const picture = await decode(image, options);
  if (preprocessing.kind === 'tiles') return cutTiles(picture, preprocessing);
  return [fitPicture(picture, await sizeForTower(picture, preprocessing), preprocessing.filter)];
}

async function decode({ name, content }: RawImage, options: PrepareImages): Promise<RgbImage> {
  const { decodeImage, fromRgba } = await import('../../image/index.ts');
  return isPixels(content) ? fromRgba(content, { name, ...options }) : decodeImage(content, { name, ...options });
}
