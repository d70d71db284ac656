/**
 * @file The header of an open GGUF as plain data, so that another thread has the file without reading the header again.
 */
import { ggmlTypeById } from './ggml-types.ts';
import { type Entry, Metadata } from './metadata.ts';
import { fileOf, type GgufFile } from './open.ts';
import type { ByteSource } from './source.ts';

/** What `postMessage` can carry of a `GgufFile`. */
export interface GgufSnapshot extends Pick<GgufFile, 'version' | 'littleEndian' | 'alignment' | 'dataOffset'> {
  /** The bytes that `entries` point into. */
  readonly header: Uint8Array<ArrayBuffer>;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly tensors: readonly {
    readonly name: string;
    readonly typeId: number;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly byteLength: number;
  }[];
}

/** The header of `file`, in memory of its own. */
export function takeSnapshot(file: GgufFile): GgufSnapshot {
  const { version, littleEndian, alignment, dataOffset, metadata, tensors } = file;
  return {
    version,
    littleEndian,
    alignment,
    dataOffset,
    header: metadata.header.slice(),
    entries: metadata.entries,
    tensors: Array.from(tensors.values(), ({ name, type, shape, offset, byteLength }) => {
      return { name, typeId: type.id, shape, offset, byteLength };
    }),
  };
}

/** The file that `snapshot` was taken of. Its tensors are read from `source`, which it closes. */
export function openSnapshot(snapshot: GgufSnapshot, source: ByteSource): GgufFile {
  const { version, littleEndian, alignment, dataOffset, header, entries, tensors } = snapshot;
  return fileOf(source, {
    version,
    littleEndian,
    alignment,
    dataOffset,
    metadata: new Metadata(source.name, { bytes: header }, littleEndian, entries),
    tensors: new Map(tensors.map(({ typeId, ...info }) => [info.name, { ...info, type: ggmlTypeById(typeId)! }])),
  });
}
