/**
 * @file Writes a file so that nobody ever sees half of it: under a temporary name beside the target, renamed at the end.
 */
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
 * @throws GgufError when its folder cannot be written to, or `path` is something that a file must not take the place of
 */
export async function createFile(path: string): Promise<FileSink> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  const fail = (cause: NodeJS.ErrnoException): never => {
    const reason = cause.code === 'ENOENT' ? `there is no folder ${dirname(path)}` : cause.message;
    throw new GgufError(`cannot be written: ${reason}`, { source: path, cause });
  };
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) {
    const what = there.isDirectory() ? 'a folder' : 'not a regular file';
    throw new GgufError(`cannot be written: it is ${what}`, { source: path });
  }
  const file = await open(temporary, 'w').catch(fail);
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
