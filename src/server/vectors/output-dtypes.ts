/**
 * @file Vectors in fewer bits: `output_dtype`.
 */

/** How the values of a vector are given. */
export const outputDtypes = ['float', 'int8', 'uint8', 'binary', 'ubinary'] as const;
export type OutputDtype = (typeof outputDtypes)[number];

/**
 * A vector in another type:
 *  - `int8`: each vector scaled so that its largest magnitude is 127, which keeps angles; halves away from zero;
 *  - `uint8`: the same plus 128;
 *  - `ubinary`: one bit a value, 1 where it is positive, the first value in the highest bit, zeros at the end;
 *  - `binary`: the same bytes minus 128, as signed ones.
 *
 * The binary forms are those of sentence-transformers.
 */
export function convertVector(vector: Float32Array, dtype: Exclude<OutputDtype, 'float'>): Int8Array | Uint8Array {
  if (dtype === 'int8') return scaleToInt8(vector);
  if (dtype === 'uint8') return Uint8Array.from(scaleToInt8(vector), (value) => value + 128);
  const bits = packBits(vector);
  return dtype === 'ubinary' ? bits : Int8Array.from(bits, (byte) => byte - 128);
}

function scaleToInt8(vector: Float32Array): Int8Array {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  const factor = largest > 0 ? 127 / largest : 0;
  return Int8Array.from(vector, (value) => Math.sign(value) * Math.round(Math.abs(value) * factor));
}

function packBits(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(vector.length / 8));
  for (let i = 0; i < vector.length; i++) if (vector[i] > 0) bytes[i >> 3] |= 128 >> (i & 7);
  return bytes;
}
