/**
 * @file Vectors with fewer bits: `output_dtype` of requests, `--output-dtype` of the command line.
 */

/** Types of the values in a vector. */
export const outputDtypes = ['float', 'int8', 'uint8', 'binary', 'ubinary'] as const;
export type OutputDtype = (typeof outputDtypes)[number];

/**
 * Converts a vector to another type:
 *  - `int8`: scales each vector so that its largest magnitude is 127, which keeps angles; rounds halves away from zero;
 *  - `uint8`: the same plus 128;
 *  - `ubinary`: one bit per value, 1 if it is positive; the first value is the highest bit, and zeros pad the end;
 *  - `binary`: the same bytes minus 128, as signed bytes.
 *
 * The binary types are those of sentence-transformers.
 */
export function convertVector(vector: Float32Array, dtype: 'int8'): Int8Array;
export function convertVector(vector: Float32Array, dtype: Exclude<OutputDtype, 'float'>): Int8Array | Uint8Array;
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
