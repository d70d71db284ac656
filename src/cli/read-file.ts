/**
 * @file Files that options name: read whole, as text, with errors that name the option and the file.
 */
import { readFile } from 'node:fs/promises';
import { requireRegularFile } from './regular-file.ts';
import { decodeWhole } from './text-encoding.ts';
import { UsageError } from './usage-error.ts';

/**
 * The text of a file, without its byte order mark.
 * @param flag the option that names it
 * @throws UsageError for a file that cannot be read or is no text
 */
export async function readTextFile(flag: string, path: string): Promise<string> {
  return decodeWhole(await readBytes(flag, path), `${flag}: ${path}`);
}

async function readBytes(flag: string, path: string): Promise<Uint8Array> {
  try {
    await requireRegularFile(path);
    return await readFile(path);
  } catch (error) {
    throw cannotRead(flag, path, error as Error);
  }
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
