/**
 * @file Standard output with back-pressure.
 */
import { once } from 'node:events';
import { escapeControlsInLines } from '../gguf/escape.ts';

/** Writes to standard output and waits while the reader is slower than we are. */
export async function write(chunk: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

/**
 * A text of the user's or of a model as it is written: on a terminal its control characters are escaped, so that it is shown
 * and not obeyed; a file or a pipe gets it as it is.
 */
export function forTerminal(text: string): string {
  return process.stdout.isTTY ? escapeControlsInLines(text) : text;
}
