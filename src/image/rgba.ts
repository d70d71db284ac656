/**
 * @file Pixels that are already decoded, in the form of a canvas.
 */
import { compose } from './compose.ts';
import { ImageError } from './errors.ts';
import { checkSides, type ImageLimits, imageLimits } from './limits.ts';
import type { RgbImage } from './pixels.ts';

/** 4 bytes (R, G, B, A) a pixel, row by row. */
interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

interface RgbaOptions {
  readonly name?: string;
  readonly background?: readonly [number, number, number];
  readonly limits?: Partial<ImageLimits>;
}

/** @throws ImageError, which names the picture, when it is larger than the limits */
export function checkRgba({ width, height }: Rgba, { name, limits }: Pick<RgbaOptions, 'name' | 'limits'>): void {
  try {
    checkSides(width, height, { ...imageLimits, ...limits });
  } catch (error) {
    throw error instanceof ImageError ? new ImageError(error.problem, error.reason, name) : error;
  }
}

/**
 * The pixels of a canvas without alpha, in the form that `decodeImage` returns.
 * @throws ImageError as `checkRgba`
 */
export function fromRgba(picture: Rgba, options: RgbaOptions): RgbImage {
  checkRgba(picture, options);
  const { width, height, data } = picture;
  const n = width * height;
  const rgb = new Uint8Array(3 * n);
  for (let i = 0; i < n; i++) for (let c = 0; c < 3; c++) rgb[3 * i + c] = data[4 * i + c];
  if (options.background !== undefined) {
    const alpha = Uint8Array.from({ length: n }, (_, i) => data[4 * i + 3]);
    compose(rgb, alpha, options.background);
  }
  return { width, height, rgb };
}
