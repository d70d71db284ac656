/**
 * @file The files of the page at /docs, as the build left them beside the program: packed, because Swagger UI is large.
 */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { PageFile, PageFiles } from '../server/index.ts';

const folder = new URL('../docs/', import.meta.url);
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** Unpacks each file when it is first asked for. A program that was bundled without them has none. */
export function apiDocsFiles(): PageFiles {
  const known = new Map<string, Promise<PageFile | undefined>>();
  return {
    read(name) {
      const type = types[extname(name)];
      if (type === undefined) return Promise.resolve(undefined);
      const file = known.get(name) ?? readApiDocsFile(name, type);
      known.set(name, file);
      return file;
    },
  };
}

async function readApiDocsFile(name: string, type: string): Promise<PageFile | undefined> {
  const packed = await readFile(new URL(`${name}.br`, folder)).catch(() => undefined);
  if (packed === undefined) return undefined;
  return { type, bytes: new Uint8Array(await promisify(brotliDecompress)(packed)) };
}
