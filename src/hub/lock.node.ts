/**
 * @file Lets one process work at a time, by a lock file that the first process creates and removes when it is done.
 *
 * The file names its owner. A lock is stale if its owner has died on this machine or has not touched it for a while, so that a
 * killed process does not block others. Stale locks are removed under a lock of their own.
 */
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { diskError } from './partial-file.node.ts';

/** Milliseconds between two touches, without a touch until a lock is stale, and between two checks of a lock that is held. */
const TOUCH = 5_000;
const VOID_AFTER = 60_000;
const LOOK = 200;

/** Options of `withLock`. */
export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once if another process holds the lock. */
  readonly onWait?: () => void;
}

/**
 * Runs `work` while no other process runs its own under the same path.
 * @throws HubError if the file cannot be written; the signal's reason if it is aborted while waiting; what `work` throws
 */
export async function withLock<T>(path: string, { signal, onWait }: LockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true }).catch((cause) => {
    throw diskError(path, cause);
  });
  const owner = JSON.stringify({ pid: process.pid, host: hostname(), id: crypto.randomUUID() });
  for (let looks = 0; !(await create(path, owner)); looks++) {
    signal?.throwIfAborted();
    if (await clearIfVoid(path)) continue;
    if (looks === 0) onWait?.();
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, TOUCH);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    // Another process may have removed it as stale while this one was suspended.
    if ((await readFile(path, 'utf8').catch(() => '')) === owner) await rm(path, { force: true });
  }
}

/** Creates the file; returns whether it is new. @throws HubError if it cannot be written */
async function create(path: string, owner: string): Promise<boolean> {
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw diskError(path, error);
  });
  if (file === undefined) return false;
  try {
    await file.writeFile(owner);
  } catch (cause) {
    // Without its owner, it would lock the others out until it is stale.
    await rm(path, { force: true });
    throw diskError(path, cause as NodeJS.ErrnoException);
  } finally {
    await file.close();
  }
  return true;
}

/** Removes a stale lock. Only one process at a time checks and removes, so that none removes a new lock. */
async function clearIfVoid(path: string): Promise<boolean> {
  if (!(await isVoid(path))) return false;
  const clearing = `${path}.clearing`;
  if (!(await create(clearing, ''))) {
    const age = await ageOf(clearing);
    if (age !== undefined && age > VOID_AFTER) await rm(clearing, { force: true });
    return false;
  }
  try {
    if (!(await isVoid(path))) return false;
    await rm(path, { force: true }).catch((cause) => {
      throw diskError(path, cause);
    });
    return true;
  } finally {
    await rm(clearing, { force: true });
  }
}

async function isVoid(path: string): Promise<boolean> {
  const age = await ageOf(path);
  if (age === undefined) return false;
  if (age > VOID_AFTER) return true;
  const text = await readFile(path, 'utf8').catch(() => '');
  const [, pid, host] = /^\{"pid":(\d+),"host":("(?:[^"\\]|\\.)*"),/.exec(text) ?? [];
  return pid !== undefined && JSON.parse(host) === hostname() && !isAlive(Number(pid));
}

/** Milliseconds since the file was touched; `undefined` if it no longer exists. */
async function ageOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && Date.now() - found.mtimeMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
