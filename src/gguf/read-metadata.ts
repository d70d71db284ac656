/**
 * @file Walks over the key/value section of a GGUF and records the position of each value.
 */
import type { HeaderReader } from './header-reader.ts';
import { MAX_ARRAY_DEPTH, MAX_ARRAY_NUMBERS, MAX_KEY_BYTES, MAX_NESTED_ARRAYS } from './limits.ts';
import type { ArrayEntry, Entry } from './metadata.ts';
import { decodeName } from './string-array.ts';
import { type ScalarType, scalarBytes, type ValueType, valueTypeNames } from './value-types.ts';

/** Readers of scalars. Any byte except 0 is a true `bool`. */
const getters: Readonly<
  Record<ScalarType, (view: DataView, at: number, littleEndian: boolean) => number | bigint | boolean>
> = {
  uint8: (view, at) => view.getUint8(at),
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at, little) => view.getUint16(at, little),
  int16: (view, at, little) => view.getInt16(at, little),
  uint32: (view, at, little) => view.getUint32(at, little),
  int32: (view, at, little) => view.getInt32(at, little),
  float32: (view, at, little) => view.getFloat32(at, little),
  bool: (view, at) => view.getUint8(at) !== 0,
  uint64: (view, at, little) => view.getBigUint64(at, little),
  int64: (view, at, little) => view.getBigInt64(at, little),
  float64: (view, at, little) => view.getFloat64(at, little),
};

/**
 * Reads `count` key/value pairs at the cursor.
 * @throws GgufError if a key is empty, not text or repeated, a type is unknown, or a value does not fit
 */
export async function readEntries(reader: HeaderReader, count: number): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  const budget = { nested: MAX_NESTED_ARRAYS };
  for (let i = 0; i < count; i++) {
    reader.place = {};
    const at = reader.position;
    const { start, end } = await reader.string(`key ${i} of ${count}`, MAX_KEY_BYTES);
    const key = decodeName(reader.header.bytes.subarray(start, end));
    if (key === undefined) throw reader.error(`key ${i} of ${count} is not UTF-8 text without zeros`, at);
    if (key === '') throw reader.error(`key ${i} of ${count} is empty`, at);
    reader.place = { key };
    if (entries.has(key)) throw reader.error('the key occurs twice; keys must be unique', at);
    const type = await readType(reader, 'the value type');
    const offset = reader.position;
    entries.set(key, { offset, ...(await readValue(reader, type, budget)) });
  }
  reader.place = {};
  return entries;
}

async function readType(reader: HeaderReader, what: string): Promise<ValueType> {
  const at = reader.position;
  const id = await reader.u32(what);
  if (id >= valueTypeNames.length) throw reader.error(`${what} is ${id}; known types are 0 to 12`, at);
  return valueTypeNames[id];
}

/** Nested arrays that the file may still contain. */
interface Budget {
  nested: number;
}

type Value = Entry extends infer E ? (E extends Entry ? Omit<E, 'offset'> : never) : never;

async function readValue(reader: HeaderReader, type: ValueType, budget: Budget): Promise<Value> {
  if (type === 'string') return { type, ...(await reader.string('the string')) };
  if (type === 'array') return { type, array: await readArray(reader, 1, budget) };
  return { type, value: await reader.scalar(scalarBytes[type], `the ${type} value`, getters[type]) };
}

async function readArray(reader: HeaderReader, depth: number, budget: Budget): Promise<ArrayEntry> {
  const elementType = await readType(reader, 'the type of the elements');
  const at = reader.position;
  const reason = `at most ${MAX_ARRAY_NUMBERS} elements are allowed`;
  const length = await reader.size('the length of the array', MAX_ARRAY_NUMBERS, reason);
  if (elementType === 'string') {
    const start = reader.position;
    return { elementType, start, ends: await reader.strings(length) };
  }
  if (elementType === 'array') {
    if (depth >= MAX_ARRAY_DEPTH) throw reader.error(`arrays are nested more than ${MAX_ARRAY_DEPTH} levels deep`, at);
    if (length > budget.nested) {
      throw reader.error(`the file has more than ${MAX_NESTED_ARRAYS} nested arrays, the limit`, at);
    }
    budget.nested -= length;
    const arrays: ArrayEntry[] = [];
    for (let i = 0; i < length; i++) arrays.push(await readArray(reader, depth + 1, budget));
    return { elementType, arrays };
  }
  const bytes = length * scalarBytes[elementType];
  if (bytes > reader.remaining) {
    throw reader.error(
      `an array of ${length} ${elementType} takes ${bytes} bytes, but only ${reader.remaining} are left in the file`,
      at,
    );
  }
  return { elementType, start: await reader.skip(bytes, 'the array'), length };
}
