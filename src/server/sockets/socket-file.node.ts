/**
 * @file The file of a UNIX socket: one that a killed server has left is taken over, everything else stays where it is.
 */
import { lstatSync, type Stats, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** Most bytes in the path of a UNIX socket; Node cuts longer ones on some systems. */
const MAX_PATH = process.platform === 'linux' ? 107 : 103;

/** @throws Error in plain words when no socket can have that path */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > MAX_PATH) {
    throw new Error(
      `the path of the socket file ${path} is too long: it has ${length} bytes, and ${MAX_PATH} are possible`,
    );
  }
}

/**
 * Removes the file of a UNIX socket at which nobody listens any more.
 * @throws Error in plain words when somebody listens, or the file is something else
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = look(path);
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
  // Another server may have taken the path over meanwhile; its file may have got the number of the old one.
  const now = look(path);
  if (now?.ino === found.ino && now.dev === found.dev && now.ctimeMs === found.ctimeMs) unlinkSync(path);
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
