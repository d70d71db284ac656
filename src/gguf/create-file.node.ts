/**
 * @file Writes a file that never exists half-written: it has a temporary name in the target's folder and is renamed at the end.
 */
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GgufError } from './errors.ts';
import { behindLinks, replacedFile, takePermissions } from './replaced-file.node.ts';
import type { ByteSink } from './sink.ts';
import { cannotWrite } from './system-error.ts';

/** A file that is being written. End it with either `commit` or `discard`. */
export interface FileSink extends ByteSink {
  /** Where the file is until it has its name. */
  readonly temporary: string;
  /** Gives the file its final name and replaces an existing one, whose permissions it has. A link stays. */
  commit(): Promise<void>;
  /** Removes what was written. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Starts a file that will be called `path`, or that a link of this name points to.
 * The temporary name is unpredictable and the file must be new, so a file that another user put there is never opened.
 * @param reads paths of the input files; `path` must not be one of them under any name
 * @throws GgufError if its folder cannot be written to, or `path` is something that a file must not replace
 */
export async function createFile(path: string, reads: readonly string[]): Promise<FileSink> {
  let target = path;
  const fail = (cause: NodeJS.ErrnoException): never => {
    throw cannotWrite(path, cause, cause.code === 'ENOENT' ? `there is no folder ${dirname(target)}` : undefined);
  };
  const there = await replacedFile(path).catch(fail);
  if (there !== undefined) await refuseIfRead(path, reads);
  target = await behindLinks(path).catch(fail);
  const name = basename(target).slice(0, MAX_NAME_LENGTH);
  const temporary = join(dirname(target), `.${name}.${crypto.randomUUID()}.partial`);
  const file = await open(temporary, 'wx').catch(fail);
  if (there !== undefined) await takePermissions(there, temporary);
  let over = false;
  return {
    temporary,
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
      await rename(temporary, target).catch(async (cause) => {
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

/** Characters of the name that go into the temporary name; systems limit the length of names. */
const MAX_NAME_LENGTH = 60;

/** @throws GgufError if `path` is one of the files `reads`, also through links */
async function refuseIfRead(path: string, reads: readonly string[]): Promise<void> {
  const identity = async (file: string) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    return found && `${found.dev} ${found.ino}`;
  };
  const target = await identity(path);
  for (const file of reads) {
    if ((await identity(file)) !== target) continue;
    const other = file === path ? '' : ` (as ${file})`;
    throw new GgufError(`is also an input file${other}: choose another name for the output`, { source: path });
  }
}
