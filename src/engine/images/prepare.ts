/**
 * @file Turns the bytes of an image into pixels of the size that a vision tower takes. Runs in a worker if there is one.
 */
import type { RgbImage } from '../../image/pixels.ts';
import type { Pixels, Preprocessing } from '../../models/vision/index.ts';
import { isPixels, type RawImage } from './image-source.ts';
import type { ImageOptions } from './options.ts';

/** Settings for all images of a model; plain data. */
export interface PrepareImages extends Pick<ImageOptions, 'exif' | 'background' | 'limits'> {
  readonly preprocessing: Preprocessing;
}

/** The size at which the tower takes an image of `width` by `height` pixels. */
export async function sizeForTower(size: { width: number; height: number }, preprocessing: Preprocessing) {
  if (preprocessing.kind === 'square') return { width: preprocessing.size, height: preprocessing.size };
  const { dynamicSize } = await import('../../image/index.ts');
  return dynamicSize(size, preprocessing.unit, preprocessing);
}

/**
 * Format and size of an image, from its header.
 * @throws ImageError if it cannot be read or exceeds a limit
 */
export async function measureImage({ name, content }: RawImage, { limits }: Pick<PrepareImages, 'limits'>) {
  const { checkRgba, imageSize } = await import('../../image/index.ts');
  if (!isPixels(content)) return imageSize(content, { name, limits });
  checkRgba(content, { name, limits });
  return content;
}

/**
 * Decodes an image and resizes it.
 * @throws ImageError if it cannot be decoded or exceeds a limit
 */
export async function prepareImage(image: RawImage, options: PrepareImages): Promise<Pixels> {
  const { preprocessing } = options;
  const { fitPicture } = await import('../../image/index.ts');
  const picture = await decode(image, options);
  return fitPicture(picture, await sizeForTower(picture, preprocessing), preprocessing.filter);
}

async function decode({ name, content }: RawImage, options: PrepareImages): Promise<RgbImage> {
  const { decodeImage, fromRgba } = await import('../../image/index.ts');
  return isPixels(content) ? fromRgba(content, { name, ...options }) : decodeImage(content, { name, ...options });
}
