/**
 * @file The header of an open GGUF as plain data, so that another thread has the file without reading the header again.
 */
import { ggmlTypeById } from './ggml-types.ts';
import { type ArrayEntry, type Entry, Metadata } from './metadata.ts';
import { fileOf, type GgufFile } from './open.ts';
import type { ByteSource } from './source.ts';
import { scalarBytes } from './value-types.ts';

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

/**
 * The header of `file`, in memory of its own.
 * @param absent keys of arrays that are left out, except for their lengths. They should be large, and not needed where the snapshot is opened.
 */
export function takeSnapshot(file: GgufFile, absent: readonly string[] = []): GgufSnapshot {
  const { version, littleEndian, alignment, dataOffset, metadata, tensors } = file;
  return {
    version,
    littleEndian,
    alignment,
    dataOffset,
    ...compact(metadata, new Set(absent)),
    tensors: Array.from(tensors.values(), ({ name, type, shape, offset, byteLength }) => {
      return { name, typeId: type.id, shape, offset, byteLength };
    }),
  };
}

/** The values without what lies between them, and without the arrays of `absent`. */
function compact({ header, entries }: Metadata, absent: ReadonlySet<string>): Pick<GgufSnapshot, 'header' | 'entries'> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const keep = (start: number, end: number): number => {
    const at = length;
    parts.push(header.subarray(start, end));
    length += end - start;
    return at;
  };
  const keepArray = (array: ArrayEntry, isAbsent: boolean): ArrayEntry => {
    if ('absent' in array) return array;
    if (array.elementType === 'array') {
      return { elementType: 'array', arrays: array.arrays.map((inner) => keepArray(inner, isAbsent)) };
    }
    const { elementType, start } = array;
    const n = elementType === 'string' ? array.ends.length : array.length;
    if (isAbsent) return { elementType, absent: n };
    const bytes = elementType === 'string' ? (array.ends.at(-1) ?? 0) : n * scalarBytes[elementType];
    return { ...array, start: keep(start, start + bytes) };
  };
  const kept = new Map<string, Entry>();
  for (const [key, entry] of entries) {
    if (entry.type === 'array') kept.set(key, { ...entry, array: keepArray(entry.array, absent.has(key)) });
    else if (entry.type === 'string') {
      const start = keep(entry.start, entry.end);
      kept.set(key, { ...entry, start, end: length });
    } else kept.set(key, entry);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { header: bytes, entries: kept };
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
