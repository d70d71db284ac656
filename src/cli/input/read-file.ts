/**
 * @file Reads files that options name completely, as text, with errors that name the option and the file.
 */
import type { Stats } from 'node:fs';
import { describeFormat, HEAD_BYTES } from '../../gguf/index.ts';
import { systemReason } from '../../gguf/system-error.ts';
import { UsageError } from '../usage-error.ts';
import { files } from './files.ts';
import { decodeWhole } from './text-encoding.ts';

/**
 * The text of a file, without its byte order mark.
 * @param flag the option that names it
 * @throws UsageError for a file that cannot be read or is not text
 */
export async function readTextFile(flag: string, path: string): Promise<string> {
  await requireRegularFile(flag, path);
  const bytes = await files()
    .readFile(path)
    .catch((error: Error) => {
      throw cannotRead(flag, path, error);
    });
  return decodeWhole(bytes, `${flag}: ${path}`);
}

/**
 * Refuses a settings file that is a Git LFS pointer, a web page or empty.
 * @param file the option that names it, and its path
 * @param problem the problem, as in "is not JSON"
 * @throws UsageError that says what the file is
 */
export function requireSettings(file: string, text: string, problem: string): void {
  const found = describeFormat(new TextEncoder().encode(text).subarray(0, HEAD_BYTES), 'text');
  if (found !== undefined) throw new UsageError(`${file} ${problem}: it is ${found}`);
}

/** A descriptor that the program was started with: `<(command)` of a shell, `/dev/stdin`. Opening it does not block. */
const descriptor = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/(?:self|thread-self)\/fd\/\d+)$/;

/**
 * Checks that a file is a regular file or an open descriptor. Opening a named pipe would block until another process
 * writes to it.
 * @param flag the option that names it
 * @throws UsageError if the file does not exist, or is something else
 */
export async function requireRegularFile(flag: string, path: string): Promise<void> {
  const found = await statOf(flag, path);
  if (found.isFile() || (descriptor.test(path) && !found.isDirectory())) return;
  const what = found.isDirectory() ? 'a folder' : found.isFIFO() ? 'a named pipe' : 'not a regular file';
  throw cannotRead(flag, path, new Error(`it is ${what}`));
}

/**
 * Checks that a file or folder exists.
 * @param flag the option that names it
 * @throws UsageError if it does not, or is neither
 */
export async function requireExisting(flag: string, path: string): Promise<void> {
  const found = await statOf(flag, path);
  if (!found.isDirectory()) await requireRegularFile(flag, path);
}

/**
 * Checks that a path is a folder.
 * @param flag the option that names it
 * @throws UsageError if it does not exist, or is something else
 */
export async function requireFolder(flag: string, path: string): Promise<void> {
  if (!(await statOf(flag, path)).isDirectory()) throw cannotRead(flag, path, new Error('it is not a folder'));
}

function statOf(flag: string, path: string): Promise<Stats> {
  return files()
    .stat(path)
    .catch((error: Error) => {
      throw cannotRead(flag, path, error);
    });
}

/** The error for a file that cannot be read. @param hint what to do, behind the reason */
export function unreadable(path: string, cause: Error, hint = ''): UsageError {
  return new UsageError(`cannot read ${path}: ${systemReason(cause)}${hint}`, { cause });
}

/** The error for a file that an option names and that cannot be read. */
export function cannotRead(flag: string, path: string, cause: Error & { readonly code?: string }): UsageError {
  return new UsageError(`${flag}: cannot read ${path}: ${systemReason(cause)}`, { cause });
}
