/**
 * @file Files on disk, for Node, Bun and Deno.
 */
import { open, stat } from 'node:fs/promises';
import { GgufError } from './errors.ts';
import type { ByteSource } from './source.ts';
import { checkRange } from './sources.ts';
import { wholeSource } from './whole-source.ts';

/**
 * Opens a file for positioned reads.
 * @throws GgufError when there is no such file, it may not be read, or it is something else: a folder, a pipe, a device
 */
export async function openFile(path: string): Promise<ByteSource> {
  const fail = (cause: NodeJS.ErrnoException): never => {
    throw new GgufError(`cannot be opened: ${reasons[cause.code ?? ''] ?? cause.message}`, { source: path, cause });
  };
  // Before it is opened: that lasts until somebody writes to it, if it is a pipe.
  const status = await stat(path).catch(fail);
  if (!status.isFile()) {
    const what = status.isDirectory() ? 'is a folder' : status.isFIFO() ? 'is a pipe' : 'is not a regular file';
    throw new GgufError(`${what}; a GGUF file was expected`, { source: path });
  }
  const file = await open(path, 'r').catch(fail);
  const place = { name: path, size: (await file.stat()).size };
  let closing: Promise<void> | undefined;
  return {
    ...place,
    async read(offset, into) {
      checkRange(place, offset, into.length);
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
        if (bytesRead === 0) {
          throw new GgufError('the file has become shorter while it was read', { source: path, offset: offset + done });
        }
        done += bytesRead;
      }
    },
    close: () => (closing ??= file.close()),
  };
}

/**
 * Opens a model by path: a GGUF, a gzipped one, or the first part of a split one with the others beside it.
 * @throws GgufError as `openFile` and `wholeSource`
 */
export async function openModelFile(path: string): Promise<ByteSource> {
  return wholeSource(await openFile(path), openFile);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
};
