/**
 * @file The files of the page at /docs, as the build left them beside the program: packed, because Swagger UI is large.
 */
import type { PageFile, PageFiles } from '../../server/index.ts';
import { contentType, readOnce } from '../built-files.ts';

const folder = new URL('../docs/', import.meta.url);

/** Unpacks each file when it is first asked for. A program that was bundled without them has none. */
export function apiDocsFiles(): PageFiles {
  return readOnce(readApiDocsFile);
}

async function readApiDocsFile(name: string): Promise<PageFile | undefined> {
  const type = contentType(name);
  if (type === undefined) return undefined;
  const { readFile } = await import('node:fs/promises');
  const packed = await readFile(new URL(`${name}.br`, folder)).catch(() => undefined);
  const { promisify } = await import('node:util');
  const { brotliDecompress } = await import('node:zlib');
  return packed && { type, bytes: new Uint8Array(await promisify(brotliDecompress)(packed)) };
}
