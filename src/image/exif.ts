/**
 * @file The orientation that a camera records in a picture, and rotating the picture accordingly.
 */
import type { RgbImage } from './pixels.ts';

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;

/**
 * The orientation (1 to 8) in a block of EXIF data, which is a TIFF file.
 * @returns 1 for a block without an orientation and for an unreadable block: such a picture stays as it is
 */
export function exifOrientation(tiff: Uint8Array): number {
  if (tiff.length < 8) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const nEntries = view.getUint16(directory, little);
  for (let i = 0; i < nEntries; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > tiff.length) return 1;
    if (view.getUint16(at, little) !== ORIENTATION_TAG) continue;
    const value = view.getUint16(at + 8, little);
    return view.getUint16(at + 2, little) === SHORT && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Whether width and height change places when a picture is turned. */
export function swapsSides(orientation: number): boolean {
  return orientation >= 5;
}

/** The picture rotated and mirrored as its orientation (1 to 8) says. */
export function turn(image: RgbImage, orientation: number): RgbImage {
  if (orientation === 1) return image;
  const { width, height, rgb } = image;
  const swaps = swapsSides(orientation);
  const [outWidth, outHeight] = swaps ? [height, width] : [width, height];
  // Bits of the turn: which source axis runs backwards after the sides are swapped.
  const flipsX = [2, 3, 7, 8].includes(orientation);
  const flipsY = [3, 4, 6, 7].includes(orientation);
  const out = new Uint8Array(rgb.length);
  for (let y = 0, at = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++, at += 3) {
      const [u, v] = swaps ? [y, x] : [x, y];
      const from = 3 * ((flipsY ? height - 1 - v : v) * width + (flipsX ? width - 1 - u : u));
      out[at] = rgb[from];
      out[at + 1] = rgb[from + 1];
      out[at + 2] = rgb[from + 2];
    }
  }
  return { width: outWidth, height: outHeight, rgb: out };
}
