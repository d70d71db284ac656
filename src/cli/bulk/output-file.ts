/**
 * @file An output file that never exists half-written: it has another name beside the final one until it is whole.
 *
 * The other name holds the machine and the process, so that a later run removes what a killed one left behind, and leaves alone what
 * another process still writes. It is unpredictable and the file must be new, so a file that another user put there is never opened.
 */
import { type FileHandle, link, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { behindLinks, replacedFile, takePermissions } from '../../gguf/replaced-file.node.ts';
import { systemReason } from '../../gguf/system-error.ts';
import { unreadable } from '../input/read-file.ts';
import { UsageError } from '../usage-error.ts';

/** Characters of the name that go into the temporary name; systems limit the length of names. */
const MAX_NAME_LENGTH = 60;

/** Where a writer puts bytes. */
export interface ByteOutput {
  write(bytes: Uint8Array): Promise<void>;
  /** Writes over bytes at the beginning. */
  overwriteStart(bytes: Uint8Array): Promise<void>;
}

/** A file that is being written. End it with `commit` or `discard`. */
export class OutputFile implements ByteOutput {
  readonly path: string;
  /** The path, or where a link of this name points. */
  readonly #target: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  #isOver = false;

  private constructor(path: string, target: string, temporary: string, handle: FileHandle) {
    this.path = path;
    this.#target = target;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /** @throws UsageError if the folder cannot be written to, or a file must not replace what has the name */
  static async create(path: string): Promise<OutputFile> {
    const fail = (error: Error) => {
      throw cannotWrite(path, error);
    };
    const there = await requireWritable(path);
    const target = await behindLinks(path).catch(fail);
    const name = basename(target).slice(0, MAX_NAME_LENGTH);
    const unique = crypto.getRandomValues(new BigUint64Array(1))[0].toString(16);
    const temporary = join(dirname(target), `.${name}.${machine()}-${process.pid}.${unique}.partial`);
    const handle = await open(temporary, 'wx').catch(fail);
    if (there !== undefined) await takePermissions(there, temporary);
    return new OutputFile(path, target, temporary, handle);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done).catch((error: Error) => {
        throw cannotWrite(this.path, error);
      });
      done += bytesWritten;
    }
  }

  async overwriteStart(bytes: Uint8Array): Promise<void> {
    await this.#handle.write(bytes, 0, bytes.length, 0);
  }

  /** Gives the file its name, in the place of a file that has it. */
  commit(): Promise<void> {
    return this.#finish(() => rename(this.#temporary, this.#target));
  }

  /** Gives the file its name, unless another file has it: that one stays. */
  commitIfNew(): Promise<void> {
    return this.#finish(async () => {
      await link(this.#temporary, this.#target).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await rm(this.#temporary);
    });
  }

  async #finish(name: () => Promise<void>): Promise<void> {
    this.#isOver = true;
    try {
      // What has its name is on the disk, also after a loss of power.
      await this.#handle.sync();
      await this.#handle.close();
      await name();
    } catch (error) {
      await rm(this.#temporary, { force: true });
      throw cannotWrite(this.path, error as Error);
    }
  }

  /** Removes what was written. Does nothing after `commit`. */
  async discard(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#handle.close();
    await rm(this.#temporary, { force: true });
  }
}

/** What a file at this path will replace. @throws UsageError if it must not */
export function requireWritable(path: string): ReturnType<typeof replacedFile> {
  return replacedFile(path).catch((error: Error) => {
    throw cannotWrite(path, error);
  });
}

/** Removes the unfinished files in a folder whose processes of this machine have ended. @throws UsageError for a folder that cannot be read */
export async function removeAbandoned(folder: string): Promise<void> {
  const ofThisMachine = new RegExp(`^\\..*\\.${machine()}-(\\d+)\\.[0-9a-f]+\\.partial$`);
  const names = await readdir(folder).catch((error: Error) => {
    throw unreadable(folder, error);
  });
  for (const name of names) {
    const [, pid] = ofThisMachine.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

/** The name of this machine, in letters that every file system takes. */
function machine(): string {
  return hostname().replaceAll(/[^\w]/g, '_').slice(0, 40);
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function cannotWrite(path: string, cause: Error & { readonly code?: string }): UsageError {
  const reason = cause.code === 'ENOENT' ? `there is no folder ${dirname(path)}` : systemReason(cause);
  return new UsageError(`cannot write ${path}: ${reason}`, { cause });
}
