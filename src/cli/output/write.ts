/**
 * @file Standard output with back-pressure. Node's stream for it takes 4 ms to load, so a file or pipe is written by its descriptor.
 */
import { escapeControlsInLines } from '../../gguf/escape.ts';
import { systemReason } from '../../gguf/system-error.ts';
import { log } from '../log.ts';

const descriptor = 1;

/** Set once the stream is in use, which may hold what the reader has not taken: all later output goes behind that. */
let stream: NodeJS.WriteStream | undefined;

/** Writes to standard output, and waits while the reader is slower. */
export async function write(chunk: string | Uint8Array): Promise<void> {
  const rest = stream === undefined && isFileOrPipe() ? writeNow(Buffer.from(chunk)) : chunk;
  if (rest.length === 0) return;
  stream ??= process.stdout.on('error', fail);
  if (!stream.write(rest)) await new Promise<void>((resolve) => stream?.once('drain', resolve));
}

/**
 * Prepares a text of the user or a model for output. On a terminal, control characters are escaped, so that they are
 * displayed and have no effect; a file or a pipe gets the text unchanged.
 */
export function forTerminal(text: string, isTerminal = !isFileOrPipe() && process.stdout.isTTY): string {
  return isTerminal ? escapeControlsInLines(text) : text;
}

/** Whether standard output takes bytes by its descriptor. On Windows, the stream knows how. */
function isFileOrPipe(): boolean {
  if (process.platform === 'win32') return false;
  try {
    const kind = process.getBuiltinModule('node:fs').fstatSync(descriptor);
    return kind.isFile() || kind.isFIFO() || kind.isSocket();
  } catch {
    return false;
  }
}

/** Writes what the reader takes without waiting for it on its side of the program. @returns the rest, if the descriptor does not block */
function writeNow(bytes: Uint8Array): Uint8Array {
  const { writeSync } = process.getBuiltinModule('node:fs');
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(descriptor, bytes, done);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') fail(error as NodeJS.ErrnoException);
  }
  return bytes.subarray(done);
}

/** Ends the program. It is not an error if the reader of our output exits (`| head`). */
function fail(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(0);
  log(`error: cannot write the output: ${systemReason(error)}`);
  process.exit(1);
}
