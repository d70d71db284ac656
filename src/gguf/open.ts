/**
 * @file Opens a GGUF: reads header, metadata and tensor directory at once, and the data of a tensor on request.
 */
import { swapBlocks } from './byte-order.ts';
import { GgufError } from './errors.ts';
import { HeaderReader } from './header-reader.ts';
import { DEFAULT_ALIGNMENT, MAX_ALIGNMENT, MAX_KEYS, MAX_TENSORS } from './limits.ts';
import { Metadata } from './metadata.ts';
import { describeSource } from './other-formats.ts';
import { readEntries } from './read-metadata.ts';
import { readTensors, type TensorInfo } from './read-tensors.ts';
import { type ByteSource, closeUnused, type OnDemandReads } from './source.ts';

/** An open GGUF file, or all parts of a split one. */
export interface GgufFile {
  /** Name of the source, usually the path (of the first part). */
  readonly name: string;
  /** Bytes of the file, or of all parts together. */
  readonly size: number;
  /** 2 or 3. */
  readonly version: 2 | 3;
  readonly littleEndian: boolean;
  /** The offset of every tensor is a multiple of this. */
  readonly alignment: number;
  /** Where the data of the first tensor begins. */
  readonly dataOffset: number;
  readonly metadata: Metadata;
  /** By name, in file order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Fills `into` with the data of a tensor from `byteOffset` on, always little-endian.
   * @throws GgufError when the range is not inside the tensor, or the source fails
   */
  readTensor(info: TensorInfo, byteOffset: number, into: Uint8Array): Promise<void>;
  /** As in `ByteSource`, for a file whose bytes need no swapping. Offsets are those of the file. */
  readonly onDemand?: OnDemandReads;
  /** Closes the source. Safe to call twice. */
  close(): Promise<void>;
}

/** Fewest bytes that a key/value pair takes: length of the key, one byte of key, type, one byte of value. */
const MIN_ENTRY_BYTES = 14;

/** Fewest bytes that a tensor takes: length of the name, number of dimensions, type, offset. */
const MIN_TENSOR_BYTES = 24;

/**
 * Reads the header of a GGUF (version 2 or 3, either byte order). Reads no tensor data.
 * The source stays open and belongs to the returned file. It is closed if this function throws.
 * @throws GgufError that names the key or tensor, the byte offset, what was found and what was expected; TypeError for what is no source
 */
export async function openGguf(source: ByteSource): Promise<GgufFile> {
  const { read, close, size = -1 } = (source ?? {}) as Partial<ByteSource>;
  if (typeof read !== 'function' || typeof close !== 'function' || !(size >= 0)) {
    throw new TypeError('openGguf takes a ByteSource: an object with name, size, read() and close()');
  }
  try {
    const file = await openPart(source);
    const parts = splitCount(file);
    if (parts > 1) {
      const place = { source: source.name, key: SPLIT_COUNT, offset: file.metadata.offset(SPLIT_COUNT) };
      throw new GgufError(`this is one of ${parts} parts of a model: open the first part by its path`, place);
    }
    return file;
  } catch (error) {
    await closeUnused(source);
    throw error;
  }
}

/** The number of parts that the model of this file is split into; 1 if it is not split. */
export function splitCount(file: GgufFile): number {
  return Math.max(1, file.metadata.u16(SPLIT_COUNT) ?? 1);
}

const SPLIT_COUNT = 'split.count';

/**
 * Reads only the metadata. The source may end where the header ends; it stays open.
 * @throws GgufError as `openGguf` does
 */
export async function readMetadata(source: ByteSource): Promise<Metadata> {
  return (await readKeys(new HeaderReader(source))).metadata;
}

/** As `openGguf`, but also accepts a part of a split model, and leaves the source open if it throws. */
export async function openPart(source: ByteSource): Promise<GgufFile> {
  const reader = new HeaderReader(source);
  const { version, nTensors, metadata } = await readKeys(reader);
  const { littleEndian } = reader;
  const alignment = readAlignment(metadata, source.name);
  const { tensors, dataOffset } = await readTensors(reader, nTensors, alignment);
  return fileOf(source, { version, littleEndian, alignment, dataOffset, metadata, tensors });
}

/** The file whose header is known, over the source of its data. */
export function fileOf(
  source: ByteSource,
  header: Pick<GgufFile, 'version' | 'littleEndian' | 'alignment' | 'dataOffset' | 'metadata' | 'tensors'>,
): GgufFile {
  const { littleEndian } = header;
  return {
    name: source.name,
    size: source.size,
    ...header,
    readTensor: (info, byteOffset, into) => readTensor(source, littleEndian, info, byteOffset, into),
    onDemand: littleEndian ? source.onDemand : undefined,
    close: () => source.close(),
  };
}

/** Reads everything before the tensor directory. */
async function readKeys(reader: HeaderReader) {
  const version = await readVersion(reader);
  const nTensors = await readCount(reader, 'the number of tensors', MAX_TENSORS, MIN_TENSOR_BYTES);
  const nKeys = await readCount(reader, 'the number of metadata keys', MAX_KEYS, MIN_ENTRY_BYTES);
  const entries = await readEntries(reader, nKeys);
  const metadata = new Metadata(reader.source.name, reader.header, reader.littleEndian, entries);
  return { version, nTensors, metadata };
}

/** Reads magic and version. The version also reveals the byte order. */
async function readVersion(reader: HeaderReader): Promise<2 | 3> {
  if (reader.source.size === 0) throw reader.error('the file is empty: the download may be incomplete', 0);
  const magic = await reader.scalar(4, 'the magic "GGUF"', (view, at) => view.getUint32(at));
  if (magic !== 0x47475546) {
    const found = [24, 16, 8, 0].map((shift) => ((magic >>> shift) & 0xff).toString(16).padStart(2, '0')).join(' ');
    const format = await describeSource(reader.source, 'gguf');
    if (format !== undefined) throw reader.error(`not a GGUF file: it is ${format}`, 0);
    throw reader.error(`not a GGUF file: it begins with ${found}, not with "GGUF" (47 47 55 46)`, 0);
  }
  const [little, big] = await reader.scalar(4, 'the version', (view, at) => [
    view.getUint32(at, true),
    view.getUint32(at),
  ]);
  reader.littleEndian = !(little > 3 && big >= 1 && big <= 3);
  const version = reader.littleEndian ? little : big;
  if (version !== 2 && version !== 3) {
    const hint = version === 1 ? ', which is no longer supported: convert the model again' : '';
    throw reader.error(`the GGUF version is ${version}${hint}; versions 2 and 3 are supported`, 4);
  }
  return version;
}

async function readCount(reader: HeaderReader, what: string, limit: number, minBytes: number): Promise<number> {
  const at = reader.position;
  const count = await reader.size(what, limit, `at most ${limit} are allowed`);
  if (count * minBytes > reader.remaining) {
    throw reader.error(`${what} is ${count}, but only ${reader.remaining} bytes follow`, at);
  }
  return count;
}

function readAlignment(metadata: Metadata, source: string): number {
  const key = 'general.alignment';
  const alignment = metadata.u32(key) ?? DEFAULT_ALIGNMENT;
  if (alignment === 0 || (alignment & (alignment - 1)) !== 0 || alignment > MAX_ALIGNMENT) {
    throw new GgufError(`the alignment is ${alignment}; expected a power of two of at most ${MAX_ALIGNMENT}`, {
      source,
      key,
      offset: metadata.offset(key),
    });
  }
  return alignment;
}

async function readTensor(
  source: ByteSource,
  littleEndian: boolean,
  info: TensorInfo,
  byteOffset: number,
  into: Uint8Array,
): Promise<void> {
  const end = byteOffset + into.length;
  if (!(byteOffset >= 0 && end <= info.byteLength)) {
    throw new GgufError(`bytes ${byteOffset} to ${end} were requested, but the tensor has ${info.byteLength}`, {
      source: source.name,
      tensor: info.name,
      offset: info.offset,
    });
  }
  if (littleEndian) return source.read(info.offset + byteOffset, into);
  const { blockBytes } = info.type;
  const first = Math.floor(byteOffset / blockBytes) * blockBytes;
  const last = Math.ceil(end / blockBytes) * blockBytes;
  const whole = first === byteOffset && last === end;
  const blocks = whole ? into : new Uint8Array(last - first);
  await source.read(info.offset + first, blocks);
  swapBlocks(info.type, blocks);
  if (!whole) into.set(blocks.subarray(byteOffset - first, end - first));
}
