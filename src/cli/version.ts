/**
 * @file The version of the package. The build replaces this module with one that holds the number, because a program in a
 * single file has no package.json.
 */
import { readFile } from 'node:fs/promises';

/** The version in package.json. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
