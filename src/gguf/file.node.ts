/**
 * @file Files on disk, for Node, Bun and Deno.
 */
import type { Turn } from '../turn.ts';
import { GgufError } from './errors.ts';
import type { ByteSource, OnDemandReads } from './source.ts';
import { checkRange } from './sources.ts';
import { cannotOpen } from './system-error.ts';
import { wholeSource } from './whole-source.ts';

/** An `import` would load Node's promises for files too, which takes 4 ms of a start. */
const fs = process.getBuiltinModule('node:fs');

/** Reads of at most so many bytes block the calling thread: waiting for another thread takes longer. */
const BLOCKING_BYTES = 1 << 20;

/**
 * Opens a file for positioned reads.
 * @throws GgufError if the file does not exist, cannot be read, or is a folder, a pipe or a device
 */
export async function openFile(path: string): Promise<ByteSource> {
  const ask = <T>(call: () => T): T => {
    try {
      return call();
    } catch (error) {
      throw cannotOpen(path, error as Error);
    }
  };
  // Checked before opening, because opening a pipe blocks until another process writes to it.
  const status = ask(() => fs.statSync(path));
  if (!status.isFile()) {
    const what = status.isDirectory() ? 'is a folder' : status.isFIFO() ? 'is a pipe' : 'is not a regular file';
    throw new GgufError(`${what}; a GGUF file was expected`, { source: path });
  }
  const descriptor = ask(() => fs.openSync(path, 'r'));
  const place = { name: path, size: fs.fstatSync(descriptor).size, descriptor };
  const reads = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;
  return {
    ...place,
    async read(offset, into) {
      if (closing !== undefined) throw new GgufError('the file is closed', { source: path, offset });
      if (into.length <= BLOCKING_BYTES) return readNow(place, offset, into);
      const reading = readElsewhere(place, offset, into);
      reads.add(reading);
      await reading.finally(() => reads.delete(reading));
    },
    close() {
      // The system gives a closed descriptor to the next file that is opened.
      closing ??= Promise.allSettled(reads).then(() => fs.closeSync(descriptor));
      return closing;
    },
  };
}

/** Reads on one of Node's threads for files. */
async function readElsewhere(place: OpenedFile, offset: number, into: Uint8Array): Promise<void> {
  checkRange(place, offset, into.length);
  for (let done = 0; done < into.length; ) {
    const [from, length] = [done, into.length - done];
    const bytesRead = await new Promise<number>((resolve, reject) => {
      fs.read(place.descriptor, into, from, length, offset + from, (error, n) => (error ? reject(error) : resolve(n)));
    });
    if (bytesRead === 0) throw endedEarly(place.name, offset + done);
    done += bytesRead;
  }
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
    const { size, mtimeNs } = fs.fstatSync(place.descriptor, { bigint: true });
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
    const bytesRead = fs.readSync(place.descriptor, into, done, into.length - done, offset + done);
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
