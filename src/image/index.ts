/**
 * @file Pictures: from the bytes of a file to the pixels that a vision tower sees. This module imports no other and is loaded when the
 * first picture arrives.
 */
export { decodeImage, imageSize } from './decode.ts';
export { ImageError } from './errors.ts';
export { dynamicSize, fitPicture } from './fit.ts';
export { checkRgba, fromRgba } from './rgba.ts';
export { cutTiles, tileGrid } from './tiles.ts';
