/**
 * @file The values of metadata: their types in the file, and how each is read.
 */
import type { Cursor } from './cursor.ts';
import { GgufError } from './errors.ts';
import { maxArrayDepth, maxArrayLength } from './limits.ts';
import { StringArray } from './strings.ts';

/** Names of the value types; the index is the number in the file. */
export const valueTypes = [
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

export type GgufValueType = (typeof valueTypes)[number];

/** Numbers of one array. Big-endian files have been swapped. */
export type NumberArray =
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

/** An array of metadata with the type of its items. */
export interface GgufArray {
  readonly itemType: GgufValueType;
  readonly items: NumberArray | StringArray | readonly boolean[] | readonly GgufArray[];
}

export type GgufValue = number | bigint | boolean | string | GgufArray;

interface NumberType {
  readonly bytes: number;
  readonly make: (n: number) => NumberArray;
  readonly get: (view: DataView, offset: number, le: boolean) => number | bigint;
}

/** How each numeric type is read. */
const numberTypes: Partial<Record<GgufValueType, NumberType>> = {
  uint8: { bytes: 1, make: (n) => new Uint8Array(n), get: (v, o) => v.getUint8(o) },
  int8: { bytes: 1, make: (n) => new Int8Array(n), get: (v, o) => v.getInt8(o) },
  uint16: { bytes: 2, make: (n) => new Uint16Array(n), get: (v, o, le) => v.getUint16(o, le) },
  int16: { bytes: 2, make: (n) => new Int16Array(n), get: (v, o, le) => v.getInt16(o, le) },
  uint32: { bytes: 4, make: (n) => new Uint32Array(n), get: (v, o, le) => v.getUint32(o, le) },
  int32: { bytes: 4, make: (n) => new Int32Array(n), get: (v, o, le) => v.getInt32(o, le) },
  float32: { bytes: 4, make: (n) => new Float32Array(n), get: (v, o, le) => v.getFloat32(o, le) },
  float64: { bytes: 8, make: (n) => new Float64Array(n), get: (v, o, le) => v.getFloat64(o, le) },
  uint64: { bytes: 8, make: (n) => new BigUint64Array(n), get: (v, o, le) => v.getBigUint64(o, le) },
  int64: { bytes: 8, make: (n) => new BigInt64Array(n), get: (v, o, le) => v.getBigInt64(o, le) },
};

const decoder = new TextDecoder();
const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Reads the number of a value type. */
export function readValueType(cursor: Cursor, key: string): GgufValueType {
  const offset = cursor.offset;
  const id = cursor.u32('a value type', { key });
  const type = valueTypes[id];
  if (type === undefined)
    throw new GgufError(`value type ${id} does not exist: 0 to ${valueTypes.length - 1} do`, { key, offset });
  return type;
}

/** Reads one value. Arrays of strings stay bytes; `bool` is false for 0 and true for all else. */
export function readValue(cursor: Cursor, type: GgufValueType, key: string, depth = 0): GgufValue {
  if (type === 'array') return readArray(cursor, key, depth + 1);
  if (type === 'string') {
    const start = cursor.skipString('a string', { key });
    return decoder.decode(cursor.bytes.subarray(start, cursor.offset));
  }
  if (type === 'bool') return cursor.view.getUint8(cursor.take(1, 'a bool', { key })) !== 0;
  const { bytes, get } = numberTypes[type]!;
  return get(cursor.view, cursor.take(bytes, `a value of type ${type}`, { key }), cursor.littleEndian);
}

function readArray(cursor: Cursor, key: string, depth: number): GgufArray {
  const offset = cursor.offset;
  if (depth > maxArrayDepth) throw new GgufError(`arrays are nested more than ${maxArrayDepth} deep`, { key, offset });
  const itemType = readValueType(cursor, key);
  const length = cursor.size('the length of an array', { key });
  // Of every type: the fewest bytes that one item takes. An array of arrays has at least a type and a length each.
  const itemBytes = numberTypes[itemType]?.bytes ?? { bool: 1, string: 8, array: 12 }[itemType as string]!;
  if (length > maxArrayLength || length > cursor.left / itemBytes) {
    throw new GgufError(
      `an array claims to have ${length} items of type ${itemType}: ${length > maxArrayLength ? `the limit is ${maxArrayLength}` : `at least ${itemBytes} bytes each, but ${cursor.left} bytes are left in the file`}`,
      { key, offset },
    );
  }
  if (itemType === 'string') return { itemType, items: readStrings(cursor, length, key) };
  if (itemType === 'array') {
    return { itemType, items: Array.from({ length }, () => readArray(cursor, key, depth + 1)) };
  }
  const start = cursor.take(length * itemBytes, `an array of ${length} items of type ${itemType}`, { key });
  if (itemType === 'bool') {
    return { itemType, items: Array.from(cursor.bytes.subarray(start, cursor.offset), (byte) => byte !== 0) };
  }
  const { make, get } = numberTypes[itemType]!;
  const items = make(length);
  if (cursor.littleEndian === hostIsLittleEndian || itemBytes === 1) {
    new Uint8Array(items.buffer).set(cursor.bytes.subarray(start, cursor.offset));
  } else {
    for (let i = 0; i < length; i++) items[i] = get(cursor.view, start + i * itemBytes, cursor.littleEndian);
  }
  return { itemType, items };
}

function readStrings(cursor: Cursor, length: number, key: string): StringArray {
  const bounds = new Uint32Array(2 * length);
  const first = cursor.offset;
  for (let i = 0; i < length; i++) {
    bounds[2 * i] = cursor.skipString('an item of a string array', { key }) - first;
    bounds[2 * i + 1] = cursor.offset - first;
  }
  return new StringArray(cursor.bytes.subarray(first, cursor.offset), bounds);
}
