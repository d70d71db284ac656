/**
 * @file Limits for the size that a picture claims. They are checked from its header before memory is allocated for its pixels.
 */
import { ImageError } from './errors.ts';

/** Limits of one picture. */
export interface ImageLimits {
  /** Bytes of the file. */
  readonly bytes: number;
  /** Pixels of the longer side. */
  readonly side: number;
  /** Width times height. Decoding takes up to 12 bytes of memory a pixel. */
  readonly pixels: number;
}

/** The default limits. */
export const imageLimits: ImageLimits = { bytes: 64 * 1024 * 1024, side: 65_535, pixels: 64 * 1024 * 1024 };

/**
 * The largest number of scans in a JPEG file. Encoders write about ten. Each scan costs time in proportion to the picture, even if it has
 * few bytes.
 */
export const MAX_JPEG_SCANS = 100;

/** @throws ImageError `limit` */
export function checkFileSize(nBytes: number, limits: ImageLimits): void {
  if (nBytes > limits.bytes) {
    throw new ImageError('limit', `the file has ${nBytes} bytes; at most ${limits.bytes} are allowed`);
  }
}

/** @throws ImageError `damaged` for a side of 0, `limit` for a picture that is too large */
export function checkSides(width: number, height: number, limits: ImageLimits): void {
  if (!(width > 0 && height > 0)) throw new ImageError('damaged', `its header says ${width}x${height} pixels`);
  const size = `the picture has ${width}x${height} pixels`;
  if (Math.max(width, height) > limits.side) {
    throw new ImageError('limit', `${size}; a side of at most ${limits.side} is allowed`);
  }
  if (width * height > limits.pixels) {
    throw new ImageError('limit', `${size}, ${width * height} in all; at most ${limits.pixels} are allowed`);
  }
}
