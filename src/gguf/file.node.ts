/**
 * @file Files on disk, for Node, Bun and Deno.
 */
import { fstatSync, readSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Turn } from '../turn.ts';
import { GgufError } from './errors.ts';
import type { ByteSource, OnDemandReads } from './source.ts';
import { checkRange } from './sources.ts';
import { systemReason } from './system-error.ts';
import { wholeSource } from './whole-source.ts';

/**
 * Opens a file for positioned reads.
 * @throws GgufError if the file does not exist, cannot be read, or is a folder, a pipe or a device
 */
export async function openFile(path: string): Promise<ByteSource> {
  const fail = (cause: NodeJS.ErrnoException): never => {
    throw new GgufError(`cannot open the file: ${systemReason(cause)}`, { source: path, cause });
  };
  // Checked before opening, because opening a pipe blocks until another process writes to it.
  const status = await stat(path).catch(fail);
  if (!status.isFile()) {
    const what = status.isDirectory() ? 'is a folder' : status.isFIFO() ? 'is a pipe' : 'is not a regular file';
    throw new GgufError(`${what}; a GGUF file was expected`, { source: path });
  }
  const file = await open(path, 'r').catch(fail);
  const place = { name: path, size: (await file.stat()).size, descriptor: file.fd };
  let closing: Promise<void> | undefined;
  return {
    ...place,
    async read(offset, into) {
      checkRange(place, offset, into.length);
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
        if (bytesRead === 0) throw endedEarly(path, offset + done);
        done += bytesRead;
      }
    },
    close: () => (closing ??= file.close()),
  };
}

/**
 * A file that other code in this process opens and closes, read by its descriptor. Reads block the calling
 * thread, which costs less than waiting for another one (20 ms of loading a small model).
 * @param turn when to give the thread to other work
 */
export function openDescriptor(place: OpenedFile, turn?: Turn): ByteSource {
  return {
    ...place,
    async read(offset, into) {
      if (turn?.isOver) await turn.pass();
      readNow(place, offset, into);
    },
    async close() {},
  };
}

/** A file that is open. */
interface OpenedFile {
  readonly name: string;
  readonly size: number;
  readonly descriptor: number;
}

/** Reads from a file that other code in this process keeps open. Later writes to it are found by its size and time. */
export function onDemandReads(place: OpenedFile): OnDemandReads {
  const version = () => {
    const { size, mtimeNs } = fstatSync(place.descriptor, { bigint: true });
    return `${size} ${mtimeNs}`;
  };
  const loaded = version();
  return {
    read: (offset, into) => readNow(place, offset, into),
    assertUnchanged() {
      if (version() === loaded) return;
      throw new GgufError('the file was changed while its model was in use: load the model again', {
        source: place.name,
      });
    },
  };
}

function readNow(place: OpenedFile, offset: number, into: Uint8Array): void {
  checkRange(place, offset, into.length);
  for (let done = 0; done < into.length; ) {
    const bytesRead = readSync(place.descriptor, into, done, into.length - done, offset + done);
    if (bytesRead === 0) throw endedEarly(place.name, offset + done);
    done += bytesRead;
  }
}

function endedEarly(source: string, offset: number): GgufError {
  return new GgufError('the file became shorter while it was being read', { source, offset });
}

/**
 * Opens a model by path: a GGUF, a gzipped one, or the first part of a split model whose other parts are in the same folder.
 * @throws GgufError as `openFile` and `wholeSource`
 */
export async function openModelFile(path: string): Promise<ByteSource> {
  return wholeSource(await openFile(path), openFile);
}
