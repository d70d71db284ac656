/**
 * @file Vectors that are cut, or stored with fewer bits, as the server gives them with `dimensions` and `output_dtype`.
 */
import { unit } from '../../layout/vectors.ts';

/** How a value is stored. */
export const encodings = ['float', 'int8', 'binary'] as const;
export type Encoding = (typeof encodings)[number];

/** Most texts whose neighbours are compared: with all of them, a step of the slider takes a second. */
export const COMPARED = 5000;

/** Bytes of a vector of `size` values. */
export function bytesOf(size: number, encoding: Encoding): number {
  return { float: 4 * size, int8: size, binary: Math.ceil(size / 8) }[encoding];
}

/**
 * The first `size` values as they are after storing, scaled to the length 1, so that a product is their similarity: for `binary`, 1 minus
 * twice the part of the bits that differ.
 */
export function stored(vector: Float32Array, size: number, encoding: Encoding): Float32Array {
  const cut = vector.subarray(0, size);
  if (encoding === 'float') return unit(cut);
  if (encoding === 'binary') return unit(cut.map((value) => (value > 0 ? 1 : -1)));
  const largest = cut.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const factor = largest > 0 ? 127 / largest : 0;
  return unit(cut.map((value) => Math.sign(value) * Math.round(Math.abs(value) * factor)));
}
