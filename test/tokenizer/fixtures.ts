/**
 * @file Tokenizers of the fixture files.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { createTokenizer, type Tokenizer } from '../../src/tokenizer/index.ts';

const folder = new URL('../fixtures/', import.meta.url);

/** The tokenizer of a file below `test/fixtures`, gzipped or not. */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const bytes = readFileSync(new URL(path, folder));
  const file = await openGguf(memorySource(path.endsWith('.gz') ? gunzipSync(bytes) : bytes, path));
  return createTokenizer(file.metadata);
}

/** A JSON file below `test/fixtures`. */
export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, folder), 'utf8')) as T;
}

/** A text file below `test/fixtures`, or `undefined`. */
export function readText(path: string): string | undefined {
  const url = new URL(path, folder);
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined;
}

/** Names of the JSON files in a folder below `test/fixtures`, without the ending. */
export function jsonNames(path: string): string[] {
  return readdirSync(new URL(path, folder))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -5));
}
