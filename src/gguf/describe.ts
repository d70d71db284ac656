/**
 * @file The contents of a GGUF as plain data, for `inspect` and other displays.
 */
import type { GgmlTypeName } from './ggml-types.ts';
import type { GgufFile } from './open.ts';
import { nElements } from './shape.ts';
import type { GgufArray, ValueType } from './value-types.ts';

/** A metadata value that `JSON.stringify` takes; 64 bit integers are decimal strings, non-finite numbers their names. */
export type PlainValue = string | number | boolean | PlainValue[];

/** One key. */
export interface KeyDescription {
  readonly key: string;
  readonly type: ValueType;
  /** For arrays: element type, number of elements, and whether `value` holds only the first ones. */
  readonly elementType?: ValueType;
  readonly length?: number;
  readonly shortened?: boolean;
  readonly value: PlainValue;
}

/** One tensor. */
export interface TensorDescription {
  readonly name: string;
  readonly type: GgmlTypeName;
  /** Fastest axis first. */
  readonly shape: readonly number[];
  readonly parameters: number;
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** One file. */
export interface GgufDescription {
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly version: number;
  readonly byteOrder: 'little-endian' | 'big-endian';
  readonly alignment: number;
  readonly dataOffset: number;
  /** Number of values in all tensors. */
  readonly parameters: number;
  /** Bytes of all tensors, without padding. */
  readonly tensorBytes: number;
  readonly metadata: readonly KeyDescription[];
  readonly tensors: readonly TensorDescription[];
}

/**
 * Describes an open file. Reads only what is already in memory.
 * @param maxItems how many elements of an array are shown; `Infinity` shows all
 */
export function describeGguf(file: GgufFile, maxItems = 8): GgufDescription {
  const tensors = Array.from(file.tensors.values(), ({ name, type, shape, offset, byteLength }) => ({
    name,
    type: type.name,
    shape,
    parameters: nElements(shape),
    offset,
    bytes: byteLength,
  }));
  return {
    name: file.name,
    size: file.size,
    version: file.version,
    byteOrder: file.littleEndian ? 'little-endian' : 'big-endian',
    alignment: file.alignment,
    dataOffset: file.dataOffset,
    parameters: tensors.reduce((sum, { parameters }) => sum + parameters, 0),
    tensorBytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    metadata: Array.from(file.metadata.keys(), (key) => describeKey(file, key, maxItems)),
    tensors,
  };
}

function describeKey({ metadata }: GgufFile, key: string, maxItems: number): KeyDescription {
  const type = metadata.valueType(key)!;
  if (type !== 'array')
    return { key, type, value: plainScalar(metadata.get(key) as string | number | bigint | boolean) };
  const array = metadata.array(key)!;
  const { elementType } = array;
  const { length } = array.values;
  return { key, type, elementType, length, shortened: length > maxItems, value: plainArray(array, maxItems) };
}

function plainArray({ elementType, values }: GgufArray, maxItems: number): PlainValue[] {
  const n = Math.min(values.length, maxItems);
  const item = (i: number): PlainValue => {
    if (elementType === 'array') return plainArray(values[i], maxItems);
    if (elementType === 'string') return values.at(i);
    return plainScalar(elementType === 'bool' ? values[i] !== 0 : values[i]);
  };
  return Array.from({ length: n }, (_, i) => item(i));
}

function plainScalar(value: string | number | bigint | boolean): PlainValue {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return String(value);
  return value;
}
