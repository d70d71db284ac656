/**
 * @file Writes a file so that nobody ever sees half of it: under a temporary name beside the target, renamed at the end.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GgufError } from './errors.ts';
import type { ByteSink } from './sink.ts';

/** A file in the making. Exactly one of `commit` and `discard` ends it. */
export interface FileSink extends ByteSink {
  /** Makes the file appear under its name, in the place of one that was there. */
  commit(): Promise<void>;
  /** Removes what was written. Safe to call after `commit`, when it does nothing. */
  discard(): Promise<void>;
}

/**
 * Begins a file that will be called `path`.
 * The name until then cannot be foreseen, and the file is made anew: what another user has put there is never opened.
 * @param reads paths of the files that are read meanwhile: none of them may be the one to write, by whatever name
 * @throws GgufError when its folder cannot be written to, or `path` is something that a file must not take the place of
 */
export async function createFile(path: string, reads: readonly string[]): Promise<FileSink> {
  const name = basename(path).slice(0, MAX_NAME_LENGTH);
  const temporary = join(dirname(path), `.${name}.${randomBytes(8).toString('hex')}.partial`);
  const fail = (cause: NodeJS.ErrnoException): never => {
    const reason = cause.code === 'ENOENT' ? `there is no folder ${dirname(path)}` : cause.message;
    throw new GgufError(`cannot be written: ${reason}`, { source: path, cause });
  };
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) {
    const what = there.isDirectory() ? 'a folder' : 'not a regular file';
    throw new GgufError(`cannot be written: it is ${what}`, { source: path });
  }
  if (there !== undefined) await refuseIfRead(path, reads);
  const file = await open(temporary, 'wx').catch(fail);
  let over = false;
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done).catch(fail);
        done += bytesWritten;
      }
    },
    async commit() {
      await file.sync().catch(fail);
      await file.close();
      over = true;
      await rename(temporary, path).catch(async (cause) => {
        await rm(temporary, { force: true });
        fail(cause);
      });
    },
    async discard() {
      if (over) return;
      over = true;
      await file.close();
      await rm(temporary, { force: true });
    },
  };
}

/** Longest part of the name that goes into the temporary one, whose length systems limit. */
const MAX_NAME_LENGTH = 60;

/** @throws GgufError when `path` is one of the files `reads`, through links too */
async function refuseIfRead(path: string, reads: readonly string[]): Promise<void> {
  const identity = async (file: string) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    return found && `${found.dev} ${found.ino}`;
  };
  const target = await identity(path);
  for (const file of reads) {
    if ((await identity(file)) !== target) continue;
    const other = file === path ? '' : ` (as ${file})`;
    throw new GgufError(`is a file that is read${other}: give the new one another name`, { source: path });
  }
}
