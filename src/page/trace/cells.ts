/**
 * @file The values of a picture of a tensor.
 */
import type { Picture } from '../../layout/picture.ts';

const decoded = new WeakMap<Picture, Uint8Array>();

/** The bytes of a picture: 128 is 0, 1 is −scale, 255 is scale; 0 is no number. */
export function cellsOf(picture: Picture): Uint8Array {
  const known = decoded.get(picture) ?? Uint8Array.from(atob(picture.cells), (c) => c.charCodeAt(0));
  decoded.set(picture, known);
  return known;
}

/** About the value of a cell of the matrix; NaN where it is no number. */
export function valueAt(picture: Picture, row: number, col: number): number {
  const { rows, cols, height, width, scale } = picture;
  const at = Math.floor((row * height) / rows) * width + Math.floor((col * width) / cols);
  const byte = cellsOf(picture)[at];
  return byte === 0 ? Number.NaN : ((byte - 128) / 127) * scale;
}
