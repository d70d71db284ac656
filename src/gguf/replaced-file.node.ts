/**
 * @file The file that a new one replaces: what it must be, and what the new one takes over from it.
 */
import type { Stats } from 'node:fs';
import { access, chmod, chown, constants, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * The file at a path that a new file will get, `undefined` if there is none.
 * @throws Error with the reason if a file must not replace what is there, or cannot have this path
 */
export async function replacedFile(path: string): Promise<Stats | undefined> {
  if (path === '-') throw new Error('standard output is not a file; ./- is one of this name');
  if (path.includes('\ufffd')) throw new Error('its name is not UTF-8');
  const there = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    return undefined;
  });
  if (there === undefined) return undefined;
  if (!there.isFile()) throw new Error(`the path is ${there.isDirectory() ? 'a folder' : 'not a regular file'}`);
  await access(path, constants.W_OK);
  return there;
}

/** Where a new file of this path goes: where the link points that has the path, if anything is there or not, or else the path itself. */
export async function behindLinks(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  return target === undefined ? path : behindLinks(resolve(await realpath(dirname(path)), target));
}

/** Gives a new file the owner and the permissions of the one that it replaces, as far as the system allows that. */
export async function takePermissions({ mode, uid, gid }: Stats, path: string): Promise<void> {
  await chown(path, uid, gid).catch(() => {});
  await chmod(path, mode & 0o777).catch(() => {});
}
