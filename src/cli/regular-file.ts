/**
 * @file Refuses files that a command could wait for without end: to open a named pipe lasts until somebody writes to it.
 */
import { stat } from 'node:fs/promises';

/** A descriptor that the program was started with: `<(command)` of a shell, `/dev/stdin`. To open it waits for nobody. */
const descriptor = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/(?:self|thread-self)\/fd\/\d+)$/;

/**
 * Makes sure that a file of a user can be opened: a regular one, or a descriptor that is open already.
 * @throws Error when there is none, or it is something else
 */
export async function requireRegularFile(path: string): Promise<void> {
  const found = await stat(path);
  if (found.isFile() || (descriptor.test(path) && !found.isDirectory())) return;
  const what = found.isDirectory() ? 'a folder' : found.isFIFO() ? 'a named pipe' : 'not a regular file';
  throw new Error(`it is ${what}; a file was expected`);
}
