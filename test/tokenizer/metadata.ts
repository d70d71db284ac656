/**
 * @file Metadata made in memory, for tests that need a vocabulary of their own.
 */
import type { NumericArray, StringArray } from '../../src/gguf/index.ts';
import type { TokenizerMetadata } from '../../src/tokenizer/index.ts';
import { utf8 } from '../../src/tokenizer/utf8.ts';

type Value = string | number | boolean | readonly (string | Uint8Array)[] | NumericArray;

/** Metadata that hold `values`; lists of strings may be given as bytes. */
export function metadataOf(values: Readonly<Record<string, Value>>): TokenizerMetadata {
  const scalar = <T>(key: string, type: string): T | undefined => {
    const value = values[key];
    if (value !== undefined && typeof value !== type) throw new TypeError(`${key} is not a ${type}`);
    return value as T | undefined;
  };
  return {
    string: (key) => scalar<string>(key, 'string'),
    u32: (key) => scalar<number>(key, 'number'),
    bool: (key) => scalar<boolean>(key, 'boolean'),
    strings: (key) => {
      const list = values[key];
      return list === undefined ? undefined : stringArray(list as readonly (string | Uint8Array)[]);
    },
    numbers: (key) => scalar<NumericArray>(key, 'object'),
  };
}

function stringArray(list: readonly (string | Uint8Array)[]): StringArray {
  const bytes = (i: number) => {
    const item = list[i];
    return typeof item === 'string' ? utf8(item) : item;
  };
  const at = (i: number) => new TextDecoder().decode(bytes(i));
  return {
    length: list.length,
    at,
    bytes,
    *[Symbol.iterator]() {
      for (let i = 0; i < list.length; i++) yield at(i);
    },
  };
}
