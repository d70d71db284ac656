/**
 * @file The files of the web page, as the build left them beside the program.
 */
import type { PageFile, PageFiles } from '../server/index.ts';
import { contentType, readOnce } from './built-files.ts';

const folder = new URL('../page/', import.meta.url);

/** Paths of all files of the page; none in a program that was bundled without them. */
export async function pagePaths(): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const scripts = await readdir(new URL('page/', folder)).catch(() => []);
  return scripts.length === 0 ? [] : ['index.html', ...scripts.map((name) => `page/${name}`)];
}

/** Paths of the variant of the page that opens from `file:`. */
export const offlinePaths = ['offline/index.html', 'offline/main.js', 'offline/redirect.js'];

/** Reads each file when it is first asked for. */
export function pageFiles(): PageFiles {
  let paths: Promise<string[]> | undefined;
  return readOnce(async (path) => {
    paths ??= pagePaths();
    return (await paths).includes(path) ? readPageFile(path) : undefined;
  });
}

/** A file of the page, by its path. */
export async function readPageFile(path: string): Promise<PageFile> {
  const { readFile } = await import('node:fs/promises');
  const bytes = new Uint8Array(await readFile(new URL(path, folder)));
  return { type: contentType(path) ?? 'application/octet-stream', bytes };
}
