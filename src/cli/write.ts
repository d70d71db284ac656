/**
 * @file Standard output with back-pressure.
 */
import { once } from 'node:events';

/** Writes to standard output and waits while the reader is slower than we are. */
export async function write(chunk: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}
