/**
 * @file The file of a UNIX socket: one that a killed server has left is taken over, everything else stays where it is.
 */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/**
 * Removes the file of a UNIX socket at which nobody listens any more.
 * @throws Error in plain words when somebody listens, or the file is something else
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is no socket file: choose another path with --host`);
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  if (code === undefined) {
    throw new Error(`another process listens at the socket file ${path}: stop it, or choose another path with --host`);
  }
  if (code === 'ENOENT') return;
  if (code !== 'ECONNREFUSED') {
    throw new Error(`cannot find out whether somebody listens at the socket file ${path}: ${code}`);
  }
  // Another server may have taken the path over meanwhile.
  const now = await lstat(path).catch(() => undefined);
  if (now?.ino === found.ino && now.dev === found.dev) await unlink(path);
}
