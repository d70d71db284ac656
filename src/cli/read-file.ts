/**
 * @file Files that options name: read whole, as text, with errors that name the option and the file.
 */
import { readFile } from 'node:fs/promises';
import { decodeWhole } from './text-encoding.ts';
import { UsageError } from './usage-error.ts';

/**
 * The text of a file, without its byte order mark.
 * @param flag the option that names it
 * @throws UsageError for a file that cannot be read or is no text
 */
export async function readTextFile(flag: string, path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw cannotRead(flag, path, error);
  });
  return decodeWhole(bytes, `${flag}: ${path}`);
}

/** What to say about a file that an option names and that cannot be read. */
export function cannotRead(flag: string, path: string, cause: Error & { readonly code?: string }): UsageError {
  return new UsageError(`${flag}: cannot read ${path}: ${reasons[cause.code ?? ''] ?? cause.message}`, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
};
