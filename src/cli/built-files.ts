/**
 * @file Files for browsers that the build left beside the program.
 */
import { extname } from 'node:path';
import type { PageFile, PageFiles } from '../server/index.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** The content type of a file by its name; `undefined` for another ending. */
export function contentType(name: string): string | undefined {
  return types[extname(name)];
}

/** Reads each file when it is first asked for. */
export function readOnce(read: (path: string) => Promise<PageFile | undefined>): PageFiles {
  const known = new Map<string, Promise<PageFile | undefined>>();
  return {
    read(path) {
      const file = known.get(path) ?? read(path);
      known.set(path, file);
      return file;
    },
  };
}
