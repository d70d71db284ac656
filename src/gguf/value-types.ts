/**
 * @file The value types of GGUF metadata: ids in the file, names, sizes, and the JavaScript values they become.
 */
import type { StringArray } from './string-array.ts';

/** Names of the types, in the order of their ids (0 to 12). */
export const valueTypeNames = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

/** Type of a metadata value or of the elements of an array. */
export type ValueType = (typeof valueTypeNames)[number];

/** The types of fixed size. */
export type ScalarType = Exclude<ValueType, 'string' | 'array'>;

/** Bytes of one value of each type of fixed size. */
export const scalarBytes: Readonly<Record<ScalarType, 1 | 2 | 4 | 8>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** An array of numbers, in the typed array of its type. Booleans are 0 and 1 in a `Uint8Array`. */
export type NumericArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** An array with the type of its elements. */
export type GgufArray =
  | { readonly elementType: 'string'; readonly values: StringArray }
  | { readonly elementType: 'array'; readonly values: readonly GgufArray[] }
  | { readonly elementType: ScalarType; readonly values: NumericArray };

/** A metadata value. 64 bit integers are `bigint`. */
export type GgufValue = string | number | bigint | boolean | GgufArray['values'];

/** Constructor of the typed array for each type of fixed size. */
export const typedArrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  bool: Uint8Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const satisfies Record<ScalarType, unknown>;

/** Smallest and largest value of each integer type. */
export const integerRanges: Partial<Record<ScalarType, readonly [min: bigint, max: bigint]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    [`uint${bits}`, [0n, 2n ** BigInt(bits) - 1n]],
    [`int${bits}`, [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]],
  ]),
);
