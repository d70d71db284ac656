/**
 * @file The file of a UNIX socket: replaces one that a killed server left behind, and refuses to touch anything else.
 */
import type { Stats } from 'node:fs';
import { connect } from 'node:net';

// An `import` of it would load Node's promises of files, too.
const fs = process.getBuiltinModule('node:fs');

/** Maximum number of bytes in the path of a UNIX socket. On some systems Node cuts longer paths. */
const MAX_PATH = process.platform === 'linux' ? 107 : 103;

/** @throws Error with the reason if the path cannot be that of a socket */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > MAX_PATH) {
    throw new Error(`the path of the socket file ${path} is too long: ${length} bytes, expected at most ${MAX_PATH}`);
  }
}

/**
 * Removes the file of a UNIX socket if no process listens on it.
 * @throws Error with the reason if a process listens, or the file is not a socket
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = look(path);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket file: choose another path with --host`);
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  if (code === undefined) {
    throw new Error(`another process listens on the socket file ${path}: stop it, or choose another path with --host`);
  }
  if (code === 'ENOENT') return;
  if (code !== 'ECONNREFUSED') {
    throw new Error(`cannot determine whether a process listens on the socket file ${path}: ${code}`);
  }
  // Another server may have replaced the file meanwhile, and its file may have the inode number of the old one.
  const now = look(path);
  if (now?.ino === found.ino && now.dev === found.dev && now.ctimeMs === found.ctimeMs) fs.unlinkSync(path);
}

function look(path: string): Stats | undefined {
  return fs.lstatSync(path, { throwIfNoEntry: false });
}
