/**
 * @file Byte sources over memory and over a `Blob` (a browser's `File` is one).
 */
import { GgufError } from './errors.ts';
import type { ByteSource } from './source.ts';

/** @throws GgufError when `[offset, offset + n)` is not inside the source */
export function checkRange({ name, size }: { name: string; size: number }, offset: number, n: number): void {
  if (!(offset >= 0 && offset + n <= size)) {
    throw new GgufError(`${name} ends at byte ${size}: ${n} bytes from ${offset} on cannot be read`, { offset });
  }
}

/** A file that is in memory already. The bytes are not copied. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  const size = bytes.length;
  return {
    name,
    size,
    async read(offset, into) {
      checkRange({ name, size }, offset, into.length);
      into.set(bytes.subarray(offset, offset + into.length));
    },
    async close() {},
  };
}

/** A `Blob`, read piece by piece. */
export function blobSource(blob: Blob, name = blob instanceof File ? blob.name : 'blob'): ByteSource {
  const { size } = blob;
  return {
    name,
    size,
    async read(offset, into) {
      checkRange({ name, size }, offset, into.length);
      into.set(new Uint8Array(await blob.slice(offset, offset + into.length).arrayBuffer()));
    },
    async close() {},
  };
}
