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
  const { width: w, height: h } = picture;
  const minPixels = minTokens * unit * unit;
  const maxPixels = maxTokens * unit * unit;
  const round = (side: number) => Math.max(unit, Math.floor(f32(side / unit) + 0.5) * unit);
  const [width, height] = [round(w), round(h)];
  if (width * height > maxPixels) {
    const beta = f32(Math.sqrt(f32(f32(h * w) / maxPixels)));
    const floor = (side: number) => Math.max(unit, Math.floor(f32(f32(side / beta) / unit)) * unit);
    return { width: floor(w), height: floor(h) };
  }
  if (width * height < minPixels) {
    const beta = f32(Math.sqrt(f32(minPixels / f32(h * w))));
    const ceil = (side: number) => Math.ceil(f32(f32(side * beta) / unit)) * unit;
    return { width: ceil(w), height: ceil(h) };
  }
  return { width, height };
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
