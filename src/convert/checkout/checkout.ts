/**
 * @file A Hugging Face checkout, which is a folder of files, and functions that read its small files.
 */
import { type ByteSource, describeFormat, HEAD_BYTES } from '../../gguf/index.ts';
import { ConvertError } from '../conversion-error.ts';

/** A folder with a model, on disk or elsewhere. */
export interface Checkout {
  /** Name of the folder without its parents, a possible source of `general.name`. */
  readonly name: string;
  /** Names of the files at the top, sorted by code point. */
  readonly files: readonly string[];
  /** Opens a file by its path in the folder; `undefined` if it does not exist. */
  open(path: string): Promise<ByteSource | undefined>;
}

/** Most bytes of a text file. The largest known `tokenizer.json` has 35 MB. */
const MAX_TEXT_BYTES = 256 * 1024 * 1024;

/** A JSON object. */
export type Json = { readonly [key: string]: unknown };

/**
 * The bytes of a file; `undefined` if it does not exist.
 * @param expected what it should be, as in "the file is not JSON"
 * @throws ConvertError if it is too large, or has another known format
 */
export async function readBytes(checkout: Checkout, path: string, expected: string): Promise<Uint8Array | undefined> {
  const bytes = await readWhole(checkout, path);
  const found = bytes && describeFormat(bytes.subarray(0, HEAD_BYTES), 'checkout-text');
  if (found !== undefined) throw new ConvertError(`the file is not ${expected}: it is ${found}`, path);
  return bytes;
}

async function readWhole(checkout: Checkout, path: string): Promise<Uint8Array | undefined> {
  const source = await checkout.open(path);
  if (source === undefined) return undefined;
  try {
    if (source.size > MAX_TEXT_BYTES) {
      throw new ConvertError(`the file has ${source.size} bytes; at most ${MAX_TEXT_BYTES} are allowed`, path);
    }
    const bytes = new Uint8Array(source.size);
    await source.read(0, bytes);
    return bytes;
  } finally {
    await source.close();
  }
}

/**
 * The text of a file; `undefined` if it does not exist.
 * @param expected as for `readBytes`; without it any text is accepted, for example prose that begins with HTML
 * @throws ConvertError as `readBytes`, and if it is not UTF-8
 */
export async function readText(checkout: Checkout, path: string, expected?: string): Promise<string | undefined> {
  const bytes = expected === undefined ? await readWhole(checkout, path) : await readBytes(checkout, path, expected);
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConvertError('the file is not UTF-8 text', path, cause);
  }
}

/** Levels of lists and objects in a JSON file. Real ones have fewer than ten. What reads them calls itself for each. */
const MAX_LEVELS = 100;

/**
 * The JSON value in a file; `undefined` if the file does not exist.
 * @throws ConvertError if it is not JSON, or nested too deeply
 */
export async function readJson(checkout: Checkout, path: string): Promise<unknown> {
  const text = await readText(checkout, path, 'JSON');
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConvertError(`the file is not JSON: ${(cause as Error).message}`, path, cause);
  }
  if (hasMoreLevels(value, MAX_LEVELS)) {
    throw new ConvertError(`its lists and objects are nested more than ${MAX_LEVELS} levels deep`, path);
  }
  return value;
}

function hasMoreLevels(value: unknown, most: number): boolean {
  const isNested = (inner: unknown): inner is object => typeof inner === 'object' && inner !== null;
  let level = [value].filter(isNested);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === most) return true;
    level = level.flatMap((each) => Object.values(each).filter(isNested));
  }
  return false;
}

/** The JSON object in a file; `undefined` if the file does not exist. @throws ConvertError if it is something else */
export async function readJsonObject(checkout: Checkout, path: string): Promise<Json | undefined> {
  const value = await readJson(checkout, path);
  if (value !== undefined && !isObject(value)) throw new ConvertError('expected a JSON object', path);
  return value;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
