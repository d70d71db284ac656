/**
 * @file Pictures: from the bytes of a file to the pixels that a vision tower sees. Imports nothing of the rest; loaded when
 * the first picture comes.
 */
export { decodeImage, imageSize } from './decode.ts';
export { ImageError } from './errors.ts';
export { dynamicSize, fitPicture } from './fit.ts';
export { checkRgba, fromRgba } from './rgba.ts';
