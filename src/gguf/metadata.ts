/**
 * @file The key-value pairs of a file, with strict types: a key of another type than asked for is an error.
 */
import { GgufError } from './errors.ts';
import { StringArray } from './strings.ts';
import type { GgufArray, GgufValue, GgufValueType, NumberArray } from './values.ts';

/** One pair as it stands in the file. */
export interface MetadataEntry {
  readonly type: GgufValueType;
  readonly value: GgufValue;
  /** Byte offset of the value in the file. */
  readonly offset: number;
}

/** Metadata in file order. Accessors give `undefined` for an absent key. */
export class Metadata {
  readonly #entries: ReadonlyMap<string, MetadataEntry>;

  constructor(entries: ReadonlyMap<string, MetadataEntry>) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** All pairs with their types. */
  entries(): IterableIterator<[string, MetadataEntry]> {
    return this.#entries.entries();
  }

  get(key: string): GgufValue | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Type of the value; for an array `array`, its item type is in the value. */
  valueType(key: string): GgufValueType | undefined {
    return this.#entries.get(key)?.type;
  }

  /** @throws GgufError when the value is not a string; so with the accessors below for their types */
  string(key: string): string | undefined {
    return this.#scalar(key, 'string') as string | undefined;
  }

  u32(key: string): number | undefined {
    return this.#scalar(key, 'uint32') as number | undefined;
  }

  i32(key: string): number | undefined {
    return this.#scalar(key, 'int32') as number | undefined;
  }

  f32(key: string): number | undefined {
    return this.#scalar(key, 'float32') as number | undefined;
  }

  bool(key: string): boolean | undefined {
    return this.#scalar(key, 'bool') as boolean | undefined;
  }

  /** An array of strings. */
  strings(key: string): StringArray | undefined {
    const array = this.#array(key, 'strings');
    if (array === undefined) return undefined;
    if (!(array.items instanceof StringArray)) throw this.#mismatch(key, 'an array of strings');
    return array.items;
  }

  /** An array of any number type. */
  numbers(key: string): NumberArray | undefined {
    const array = this.#array(key, 'numbers');
    if (array === undefined) return undefined;
    if (!ArrayBuffer.isView(array.items)) throw this.#mismatch(key, 'an array of numbers');
    return array.items;
  }

  #scalar(key: string, type: GgufValueType): GgufValue | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.type !== type) throw this.#mismatch(key, type);
    return entry.value;
  }

  #array(key: string, of: string): GgufArray | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.type !== 'array') throw this.#mismatch(key, `an array of ${of}`);
    return entry.value as GgufArray;
  }

  #mismatch(key: string, wanted: string): GgufError {
    const { type, value, offset } = this.#entries.get(key)!;
    const found = type === 'array' ? `an array of ${(value as GgufArray).itemType}` : type;
    return new GgufError(`the value is ${found}, but ${wanted} is needed`, { key, offset });
  }
}
