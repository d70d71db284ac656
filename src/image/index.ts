/**
 * @file Pictures: from the bytes of a file to the pixels that a vision tower sees. Imports nothing of the rest; loaded when
 * the first picture comes.
 */
export { type DecodeOptions, decodeImage, exifModes, type ImageInfo, imageSize } from './decode.ts';
export { ImageError } from './errors.ts';
export { dynamicSize, fitPicture, type Size, type TokenLimits, tokenLimits } from './fit.ts';
export { type ImageLimits, imageLimits, MAX_IMAGES_PER_INPUT } from './limits.ts';
export type { RgbImage } from './pixels.ts';
export type { ResampleFilter } from './resample.ts';
