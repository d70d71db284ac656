/**
 * @file The key/value pairs of a GGUF, with strict types: a `u32` key that holds an `int32` is an error, not a guess.
 */
import { hostIsLittleEndian, swapNumbers } from './byte-order.ts';
import { GgufError } from './errors.ts';
import type { HeaderBytes } from './header-reader.ts';
import { AbsentStrings, decodeText, PackedStrings, type StringArray } from './string-array.ts';
import {
  type GgufArray,
  type GgufValue,
  type NumericArray,
  type ScalarType,
  scalarBytes,
  typedArrays,
  type ValueType,
} from './value-types.ts';

/**
 * An array where it lies in the header; the strings of one end at `ends`, counted from `start`. Of an array that stayed with another thread
 * (`takeSnapshot`), only the length is known. Plain data.
 */
export type ArrayEntry =
  | { readonly elementType: ScalarType | 'string'; readonly absent: number }
  | { readonly elementType: ScalarType; readonly start: number; readonly length: number }
  | { readonly elementType: 'string'; readonly start: number; readonly ends: Uint32Array }
  | { readonly elementType: 'array'; readonly arrays: readonly ArrayEntry[] };

/** The position of a value in the header. */
export type Entry = { readonly offset: number } & (
  | { readonly type: ScalarType; readonly value: number | bigint | boolean }
  | { readonly type: 'string'; readonly start: number; readonly end: number }
  | { readonly type: 'array'; readonly array: ArrayEntry }
);

/** A value with its type, as the writer takes it. Strings are bytes, so that copying is lossless. */
export type TypedValue =
  | { readonly type: ScalarType; readonly value: number | bigint | boolean }
  | { readonly type: 'string'; readonly value: Uint8Array }
  | { readonly type: 'array'; readonly value: GgufArray };

/** The metadata of one file, in file order. */
export class Metadata {
  readonly #source: string;
  #header: HeaderBytes;
  readonly #littleEndian: boolean;
  #known: ReadonlyMap<string, Entry> | undefined;
  readonly #used = new Set<string>();

  /** Called by `openGguf`. */
  constructor(source: string, header: HeaderBytes, littleEndian: boolean, entries: ReadonlyMap<string, Entry>) {
    this.#source = source;
    this.#header = header;
    this.#littleEndian = littleEndian;
    this.#known = entries;
  }

  get #entries(): ReadonlyMap<string, Entry> {
    if (this.#known === undefined) throw new Error(`the metadata of ${this.#source} has been released`);
    return this.#known;
  }

  /** Frees the header, for a worker that has loaded its model: a large vocabulary takes 10 MB. Later reads throw. */
  release(): void {
    this.#header = { bytes: new Uint8Array(0) };
    this.#known = undefined;
  }

  /** The file from its first byte to at least the end of the header, for `readMetadata`. Must not be written to. */
  get header(): Uint8Array {
    return this.#header.bytes;
  }

  /** Where each value lies in `header`. */
  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  /** Number of keys. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether anything has asked for this key. */
  wasUsed(key: string): boolean {
    return this.#used.has(key);
  }

  has(key: string): boolean {
    this.#used.add(key);
    return this.#entries.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Type of the value, or `undefined` if the key is missing. */
  valueType(key: string): ValueType | undefined {
    this.#used.add(key);
    return this.#entries.get(key)?.type;
  }

  /** Byte offset of the value in the file, or `undefined` if the key is missing. */
  offset(key: string): number | undefined {
    return this.#entries.get(key)?.offset;
  }

  /** The value, whatever its type. An array of numbers is a new copy each time. */
  get(key: string): GgufValue | undefined {
    this.#used.add(key);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.type === 'array') return this.#array(entry.array).values;
    if (entry.type === 'string') return decodeText(this.#header.bytes.subarray(entry.start, entry.end));
    return entry.value;
  }

  /** The value with its type, for the writer. */
  typed(key: string): TypedValue | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.type === 'array') return { type: 'array', value: this.#array(entry.array) };
    if (entry.type === 'string') return { type: 'string', value: this.#header.bytes.subarray(entry.start, entry.end) };
    return { type: entry.type, value: entry.value };
  }

  /** @throws GgufError when the key holds another type */
  string(key: string): string | undefined {
    const entry = this.#expect(key, 'string');
    return entry && decodeText(this.#header.bytes.subarray(entry.start, entry.end));
  }

  /** @throws GgufError when the key holds another type */
  u16(key: string): number | undefined {
    return this.#scalar(key, 'uint16') as number | undefined;
  }

  /** @throws GgufError when the key holds another type */
  u32(key: string): number | undefined {
    return this.#scalar(key, 'uint32') as number | undefined;
  }

  /** @throws GgufError when the key holds another type */
  i32(key: string): number | undefined {
    return this.#scalar(key, 'int32') as number | undefined;
  }

  /** @throws GgufError when the key holds another type */
  f32(key: string): number | undefined {
    return this.#scalar(key, 'float32') as number | undefined;
  }

  /** @throws GgufError when the key holds another type */
  bool(key: string): boolean | undefined {
    return this.#scalar(key, 'bool') as boolean | undefined;
  }

  /** An array with its element type. @throws GgufError when the key holds something else */
  array(key: string): GgufArray | undefined {
    const entry = this.#expect(key, 'array');
    return entry && this.#array(entry.array);
  }

  /** @throws GgufError when the key holds something else than an array of strings */
  strings(key: string): StringArray | undefined {
    const entry = this.#expect(key, 'array');
    if (entry === undefined) return undefined;
    if (entry.array.elementType !== 'string') throw this.#wrongElements(key, entry, 'strings');
    return this.#array(entry.array).values as StringArray;
  }

  /** An array of any numeric type, copied. @throws GgufError when the key holds something else than an array of numbers */
  numbers(key: string): NumericArray | undefined {
    const entry = this.#expect(key, 'array');
    if (entry === undefined) return undefined;
    const { array } = entry;
    if (array.elementType === 'string' || array.elementType === 'array') {
      throw this.#wrongElements(key, entry, 'numbers');
    }
    return this.#array(array).values as NumericArray;
  }

  #scalar(key: string, type: ScalarType): number | bigint | boolean | undefined {
    const entry = this.#expect(key, type);
    return entry && (entry as Extract<Entry, { value: unknown }>).value;
  }

  #expect<T extends ValueType>(key: string, type: T): Extract<Entry, { type: T }> | undefined {
    this.#used.add(key);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.type !== type) {
      throw new GgufError(`the value has the type ${describe(entry)}; expected ${type}`, {
        source: this.#source,
        key,
        offset: entry.offset,
      });
    }
    return entry as Extract<Entry, { type: T }>;
  }

  #wrongElements(key: string, entry: Entry, expected: string): GgufError {
    return new GgufError(`the value has the type ${describe(entry)}; expected an array of ${expected}`, {
      source: this.#source,
      key,
      offset: entry.offset,
    });
  }

  #array(array: ArrayEntry): GgufArray {
    if ('absent' in array) {
      if (array.elementType !== 'string') throw new Error(`an array of ${this.#source} stayed with another thread`);
      return { elementType: array.elementType, values: new AbsentStrings(array.absent) };
    }
    const { elementType } = array;
    if (elementType === 'string') {
      return { elementType, values: new PackedStrings(this.#header, array.start, array.ends) };
    }
    if (elementType === 'array') return { elementType, values: array.arrays.map((inner) => this.#array(inner)) };
    return { elementType, values: this.#numbers(elementType, array.start, array.length) };
  }

  #numbers(type: ScalarType, start: number, length: number): NumericArray {
    const bytes = this.#header.bytes.slice(start, start + length * scalarBytes[type]);
    if (this.#littleEndian !== hostIsLittleEndian) swapNumbers(bytes, scalarBytes[type]);
    if (type === 'bool') for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i] === 0 ? 0 : 1;
    return new typedArrays[type](bytes.buffer);
  }
}

function describe(entry: Entry): string {
  return entry.type === 'array' ? `array of ${entry.array.elementType}` : entry.type;
}
