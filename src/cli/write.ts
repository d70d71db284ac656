/**
 * @file Standard output with back-pressure.
 */
import { once } from 'node:events';
import { escapeControlsInLines } from '../gguf/escape.ts';

/** Writes to standard output, and waits while the reader is slower. */
export async function write(chunk: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

/**
 * Prepares a text of the user or a model for output. On a terminal, control characters are escaped, so that they are
 * displayed and have no effect; a file or a pipe gets the text unchanged.
 */
export function forTerminal(text: string): string {
  return process.stdout.isTTY ? escapeControlsInLines(text) : text;
}
