/**
 * @file Byte sources that need no platform API: bytes in memory and `Blob`s.
 */
import { GgufError } from './errors.ts';
import type { ByteSource } from './source.ts';

/**
 * Checks that a read is inside the source. All sources use it, so all report the same error.
 * @throws GgufError if fewer than `length` bytes follow `offset`
 */
export function checkRange(source: { name: string; size: number }, offset: number, length: number): void {
  if (offset >= 0 && length <= source.size - offset) return;
  throw new GgufError(`expected ${length} bytes, but the file ends at byte ${source.size}`, {
    source: source.name,
    offset,
  });
}

/** Bytes that are already in memory. They are not copied and must not change while in use. */
export function memorySource(bytes: Uint8Array | ArrayBuffer, name = 'memory'): ByteSource {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  return {
    name,
    size: view.length,
    async read(offset, into) {
      // A buffer that can be resized may have become shorter.
      checkRange({ name, size: view.length }, offset, into.length);
      into.set(view.subarray(offset, offset + into.length));
    },
    async close() {},
  };
}

/** A `Blob` or `File`, read piece by piece. */
export function blobSource(blob: Blob, name = 'name' in blob ? String(blob.name) : 'blob'): ByteSource {
  const place = { name, size: blob.size };
  return {
    ...place,
    async read(offset, into) {
      checkRange(place, offset, into.length);
      const bytes = await blob.slice(offset, offset + into.length).arrayBuffer();
      into.set(new Uint8Array(bytes));
    },
    async close() {},
  };
}
