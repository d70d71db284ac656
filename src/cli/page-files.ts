/**
 * @file The files of the web page, as the build left them beside the program.
 */
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { PageFile, PageFiles } from '../server/index.ts';

const folder = new URL('../page/', import.meta.url);
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Paths of all files of the page; none in a program that was bundled without them. */
export async function pagePaths(): Promise<string[]> {
  const scripts = await readdir(new URL('page/', folder)).catch(() => []);
  return scripts.length === 0 ? [] : ['index.html', ...scripts.map((name) => `page/${name}`)];
}

/** Reads each file when it is first asked for. */
export async function pageFiles(): Promise<PageFiles> {
  const paths = new Set(await pagePaths());
  const known = new Map<string, Promise<PageFile>>();
  return {
    async read(path) {
      if (!paths.has(path)) return undefined;
      const file = known.get(path) ?? readPageFile(path);
      known.set(path, file);
      return file;
    },
  };
}

/** A file of the page, by its path. */
export async function readPageFile(path: string): Promise<PageFile> {
  const bytes = new Uint8Array(await readFile(new URL(path, folder)));
  return { type: types[extname(path)] ?? 'application/octet-stream', bytes };
}
