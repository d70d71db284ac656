/**
 * @file Says in words why the operating system refused a file.
 */
import { GgufError } from './errors.ts';

/** The error for a file that cannot be opened. */
export function cannotOpen(path: string, cause: Error): GgufError {
  return new GgufError(`cannot open the file: ${systemReason(cause)}`, { source: path, cause });
}

/** The error for a file that cannot be written. */
export function cannotWrite(path: string, cause: Error, reason = systemReason(cause)): GgufError {
  return new GgufError(`cannot write the file: ${reason}`, { source: path, cause });
}

/** Why, as the end of a sentence; the system's own message for a code that is not known here. */
export function systemReason(error: Error & { readonly code?: string; readonly path?: unknown }): string {
  // The runtime has replaced the bytes that are not UTF-8.
  if (error.code === 'ENOENT' && String(error.path).includes('\ufffd')) return 'its name is not UTF-8: rename it';
  return reasons[error.code ?? ''] ?? error.message;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EEXIST: 'a file with this name is there',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ENOSPC: 'there is no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EFBIG: 'the file is too large for the file system',
  EIO: 'the disk reports an error',
};
