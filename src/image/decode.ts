/**
 * @file From the bytes of a picture to its pixels, in every runtime, without native code.
 */
import { compose } from './compose.ts';
import { ImageError } from './errors.ts';
import { swapsSides, turn } from './exif.ts';
import { detectFormat } from './formats.ts';
import { checkFileSize, checkSides, type ImageLimits, imageLimits } from './limits.ts';
import type { RgbImage } from './pixels.ts';

interface DecodeOptions {
  /** Name of the picture in errors. */
  readonly name?: string;
  /**
   * `rotate` applies the orientation that the camera recorded. The default, `ignore`, decodes the picture as it is stored, as llama.cpp
   * does.
   */
  readonly exif?: 'ignore' | 'rotate';
  /**
   * Colour (R, G, B, 0 to 255) behind transparent pixels. Without it the alpha channel is dropped and the stored colours stay, as in
   * llama.cpp.
   */
  readonly background?: readonly [number, number, number];
  /** Limits that replace those of `imageLimits`. */
  readonly limits?: Partial<ImageLimits>;
}

/** Format and size of a picture. */
export interface ImageInfo {
  readonly format: string;
  readonly width: number;
  readonly height: number;
}

/**
 * Format and size of a picture, read from its header; nothing is decoded. With `exif: 'rotate'`, the size is that of the rotated picture.
 * @throws ImageError for a file that is not a picture, a damaged header, or a size beyond the limits
 */
export function imageSize(
  bytes: Uint8Array,
  { name, limits, exif }: Pick<DecodeOptions, 'name' | 'limits' | 'exif'> = {},
): ImageInfo {
  return named(name, () => {
    const { format, width, height, orientation } = inspect(bytes, { limits, exif });
    const [shownWidth, shownHeight] = swapsSides(orientation) ? [height, width] : [width, height];
    return { format: format.name, width: shownWidth, height: shownHeight };
  });
}

/** The format, the size as it is stored, and how the picture is to be turned. */
function inspect(bytes: Uint8Array, { limits, exif }: Pick<DecodeOptions, 'limits' | 'exif'>) {
  const allowed = { ...imageLimits, ...limits };
  checkFileSize(bytes.length, allowed);
  const format = detectFormat(bytes);
  const { width, height } = format.readHeader(bytes);
  checkSides(width, height, allowed);
  const orientation = exif === 'rotate' ? (format.readOrientation?.(bytes) ?? 1) : 1;
  return { format, width, height, orientation };
}

/**
 * The pixels of a picture: R, G, B of 8 bits.
 * @throws ImageError, which names the picture and the reason, if it cannot be decoded
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  const { name, background } = options;
  try {
    const { format, orientation } = inspect(bytes, options);
    const image = await format.decode(bytes, background !== undefined);
    if (background !== undefined && image.alpha !== undefined) compose(image.rgb, image.alpha, background);
    return turn({ width: image.width, height: image.height, rgb: image.rgb }, orientation);
  } catch (error) {
    throw withName(error, name);
  }
}

function named<T>(name: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withName(error, name);
  }
}

function withName(error: unknown, name: string | undefined): unknown {
  return error instanceof ImageError ? new ImageError(error.problem, error.reason, name) : error;
}
