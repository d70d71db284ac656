/**
 * @file The size at which a vision tower sees a picture, and scaling a picture to that size: with its proportions kept, on a black canvas.
 *
 * The arithmetic is float32, as in llama.cpp, because a rounding difference would add or remove a whole row of patches.
 */
import type { RgbImage } from './pixels.ts';
import { type ResampleFilter, resample } from './resample.ts';

/** Limits on the number of tokens of one picture. */
export interface TokenLimits {
  readonly minTokens: number;
  readonly maxTokens: number;
}

/** A width and a height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Limits of the towers that accept any size (Qwen2-VL, Qwen2.5-VL, Qwen3-VL). */
const tokenLimits: TokenLimits = { minTokens: 8, maxTokens: 4096 };

const f32 = Math.fround;

/**
 * The size of the canvas for a picture: multiples of `unit` near its own size, within the limits.
 * @param unit side in pixels of the square that becomes one token (patch size times merge size)
 */
export function dynamicSize(picture: Size, unit: number, { minTokens, maxTokens }: TokenLimits = tokenLimits): Size {
  return alignedSize(picture, unit, { minPixels: minTokens * unit * unit, maxPixels: maxTokens * unit * unit });
}

/** What `alignedSize` aims at. */
interface Target {
  readonly minPixels?: number;
  readonly maxPixels?: number;
  /** Length of the longer side before it is rounded up. Default: that of the picture, and sides are rounded to the nearest. */
  readonly longest?: number;
}

/** Sides near those of a picture, or of its enlargement, that are multiples of `unit`. */
export function alignedSize(
  picture: Size,
  unit: number,
  { minPixels = 0, maxPixels = Infinity, longest }: Target,
): Size {
  const { width: w, height: h } = picture;
  const both = (side: (own: number) => number): Size => ({ width: side(w), height: side(h) });
  const ceil = (scale: number) => both((side) => Math.ceil(f32(f32(side * scale) / unit)) * unit);
  const { width, height } =
    longest === undefined
      ? both((side) => Math.max(unit, Math.floor(f32(side / unit) + 0.5) * unit))
      : ceil(Math.min(f32(longest / w), f32(longest / h)));
  if (width * height > maxPixels) {
    const beta = f32(Math.sqrt(f32(f32(h * w) / f32(maxPixels))));
    return both((side) => Math.max(unit, Math.floor(f32(f32(side / beta) / unit)) * unit));
  }
  return width * height < minPixels ? ceil(f32(Math.sqrt(f32(f32(minPixels) / f32(h * w))))) : { width, height };
}

/** The picture on a black canvas of another size: as large as possible, centred. */
export function fitPicture(image: RgbImage, canvas: Size, filter: ResampleFilter): RgbImage {
  const { width: w, height: h } = image;
  const { width, height } = canvas;
  if (w === width && h === height) return image;
  const scale = Math.min(f32(width / w), f32(height / h));
  const inner = resample(
    image,
    Math.min(Math.ceil(f32(w * scale)), width),
    Math.min(Math.ceil(f32(h * scale)), height),
    filter,
  );
  const rgb = new Uint8Array(width * height * 3);
  const left = (width - inner.width) >> 1;
  const top = (height - inner.height) >> 1;
  for (let y = 0; y < inner.height; y++) {
    const row = inner.rgb.subarray(3 * y * inner.width, 3 * (y + 1) * inner.width);
    rgb.set(row, 3 * ((top + y) * width + left));
  }
  return { width, height, rgb };
}
