/**
 * @file Metadata made in memory, for tests that need a vocabulary of their own.
 */
import type { GgufValue, Metadata, StringArray } from '../../src/gguf/index.ts';
import { utf8 } from '../../src/tokenizer/utf8.ts';

type Value =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly Uint8Array[]
  | Float32Array
  | Int32Array
  | Uint8Array;

/** A `Metadata` that holds `values`; lists of strings may be given as bytes. */
export function metadataOf(values: Readonly<Record<string, Value>>): Metadata {
  const get = (key: string): Value | undefined => values[key];
  const as = <T>(key: string, type: string): T | undefined => {
    const value = get(key);
    if (value !== undefined && typeof value !== type) throw new Error(`${key} is not a ${type}`);
    return value as T | undefined;
  };
  return {
    has: (key) => get(key) !== undefined,
    keys: () => Object.keys(values),
    valueType: () => undefined,
    get: (key) => get(key) as GgufValue | undefined,
    string: (key) => as<string>(key, 'string'),
    u32: (key) => as<number>(key, 'number'),
    i32: (key) => as<number>(key, 'number'),
    f32: (key) => as<number>(key, 'number'),
    bool: (key) => as<boolean>(key, 'boolean'),
    strings: (key) => {
      const list = get(key);
      return list === undefined ? undefined : stringArray(list as readonly (string | Uint8Array)[]);
    },
    numbers: (key) => as<Float32Array>(key, 'object'),
  } as Metadata;
}

function stringArray(list: readonly (string | Uint8Array)[]): StringArray {
  const bytes = (i: number) => {
    const item = list[i];
    return typeof item === 'string' ? utf8(item) : item;
  };
  return { length: list.length, at: (i: number) => new TextDecoder().decode(bytes(i)), bytes } as StringArray;
}
