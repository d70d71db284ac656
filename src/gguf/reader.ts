/**
 * @file Opens a GGUF file: header, metadata, tensor directory; tensors are read on demand.
 */
import { Cursor, NeedMoreBytes } from './cursor.ts';
import { GgufError } from './errors.ts';
import { type GgmlType, ggmlTypeById } from './ggml-types.ts';
import {
  firstReadBytes,
  maxDimensions,
  maxHeaderBytes,
  maxTensorNameBytes,
  minPairBytes,
  minTensorBytes,
} from './limits.ts';
import { Metadata, type MetadataEntry } from './metadata.ts';
import type { ByteSource } from './source.ts';
import { swapToLittleEndian } from './swap.ts';
import { readValue, readValueType } from './values.ts';

/** A tensor of the directory. */
export interface TensorInfo {
  readonly name: string;
  readonly type: GgmlType;
  /** As in the file, fastest axis first. */
  readonly shape: readonly number[];
  /** Of the data, from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** An open file. */
export interface GgufFile {
  readonly source: ByteSource;
  readonly version: 2 | 3;
  readonly littleEndian: boolean;
  /** Tensor data begin at multiples of this. */
  readonly alignment: number;
  /** Where the tensor data begin. */
  readonly dataOffset: number;
  readonly metadata: Metadata;
  /** By name, in file order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Fills `into` with the tensor's bytes from `byteOffset` on, little-endian whatever the file is. In a big-endian file
   * `byteOffset` and the length must be multiples of the type's block.
   * @throws GgufError when that is not inside the tensor
   */
  readTensor(info: TensorInfo, byteOffset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

interface Header {
  readonly version: 2 | 3;
  readonly littleEndian: boolean;
  readonly alignment: number;
  readonly dataOffset: number;
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/**
 * Reads the header of `source`, in pieces that grow until it is complete. The data of tensors is not touched.
 * @throws GgufError
 */
export async function openGguf(source: ByteSource): Promise<GgufFile> {
  const header = await readHeader(source);
  return {
    source,
    ...header,
    async readTensor(info, byteOffset, into) {
      if (!(byteOffset >= 0 && byteOffset + into.length <= info.byteLength)) {
        throw new GgufError(
          `bytes ${byteOffset} to ${byteOffset + into.length} are not inside its ${info.byteLength} bytes`,
          { tensor: info.name, offset: info.offset },
        );
      }
      await source.read(info.offset + byteOffset, into);
      if (!header.littleEndian) swapToLittleEndian(info, byteOffset, into);
    },
    close: () => source.close(),
  };
}

async function readHeader(source: ByteSource): Promise<Header> {
  let bytes = new Uint8Array(Math.min(source.size, firstReadBytes));
  await source.read(0, bytes);
  for (;;) {
    try {
      return parseHeader(bytes, source.size);
    } catch (error) {
      if (!(error instanceof NeedMoreBytes)) throw error;
      if (error.end > maxHeaderBytes) {
        throw new GgufError(`the header is longer than ${maxHeaderBytes} bytes`, { offset: maxHeaderBytes });
      }
      const more = new Uint8Array(Math.min(source.size, Math.max(error.end, 4 * bytes.length)));
      more.set(bytes);
      await source.read(bytes.length, more.subarray(bytes.length));
      bytes = more;
    }
  }
}

function parseHeader(bytes: Uint8Array, fileSize: number): Header {
  const { version, littleEndian } = parseMagic(bytes, fileSize);
  const cursor = new Cursor(bytes, fileSize, littleEndian, 8);
  const nTensors = count(cursor, 'tensors', minTensorBytes);
  const nPairs = count(cursor, 'key-value pairs', minPairBytes);
  const metadata = parseMetadata(cursor, nPairs);
  const alignment = parseAlignment(metadata);
  const infos = parseDirectory(cursor, nTensors);
  const dataOffset = nTensors === 0 ? cursor.offset : padded(cursor.offset, alignment);
  return {
    version,
    littleEndian,
    alignment,
    dataOffset,
    metadata,
    tensors: place(infos, dataOffset, alignment, fileSize),
  };
}

/** `GGUF`, then the version, whose byte order gives that of the file. */
function parseMagic(bytes: Uint8Array, fileSize: number): { version: 2 | 3; littleEndian: boolean } {
  const magic = bytes.subarray(0, 4);
  if (fileSize < 4 || String.fromCharCode(...magic) !== 'GGUF') {
    const found =
      fileSize === 0 ? 'nothing: it is empty' : [...magic].map((b) => b.toString(16).padStart(2, '0')).join(' ');
    throw new GgufError(`this is not a GGUF file: it begins with ${found}, not with "GGUF" (47 47 55 46)`, {
      offset: 0,
    });
  }
  const little = new Cursor(bytes, fileSize, true, 4).u32('the version');
  const littleEndian = (little & 0xffff) !== 0;
  const version = littleEndian ? little : new Cursor(bytes, fileSize, false, 4).u32('the version');
  if (version !== 2 && version !== 3) {
    const hint = version === 1 ? ': version 1 has not been written since 2023; convert the model again' : '';
    throw new GgufError(`GGUF version ${version} cannot be read, 2 and 3 can${hint}`, { offset: 4 });
  }
  return { version, littleEndian };
}

function count(cursor: Cursor, what: string, least: number): number {
  const offset = cursor.offset;
  const n = cursor.size(`the number of ${what}`);
  if (n > cursor.left / least) {
    throw new GgufError(
      `the file claims to have ${n} ${what}, which take at least ${least} bytes each, but ${cursor.left} bytes are left`,
      { offset },
    );
  }
  return n;
}

const decoder = new TextDecoder();

function parseMetadata(cursor: Cursor, nPairs: number): Metadata {
  const entries = new Map<string, MetadataEntry>();
  for (let i = 0; i < nPairs; i++) {
    const offset = cursor.offset;
    const start = cursor.skipString(`key ${i}`);
    const key = decoder.decode(cursor.bytes.subarray(start, cursor.offset));
    if (key === '') throw new GgufError(`key ${i} is empty`, { offset });
    if (entries.has(key)) throw new GgufError('the key comes twice', { key, offset });
    const type = readValueType(cursor, key);
    const valueOffset = cursor.offset;
    entries.set(key, { type, value: readValue(cursor, type, key), offset: valueOffset });
  }
  return new Metadata(entries);
}

function parseAlignment(metadata: Metadata): number {
  const key = 'general.alignment';
  const alignment = metadata.u32(key) ?? 32;
  if (alignment === 0 || (alignment & (alignment - 1)) !== 0) {
    throw new GgufError(`an alignment of ${alignment} is not a power of two`, { key });
  }
  return alignment;
}

/** An entry of the directory with its offset relative to the data. */
interface Entry {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly relative: number;
  readonly byteLength: number;
  readonly at: number;
}

function parseDirectory(cursor: Cursor, nTensors: number): Entry[] {
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (let i = 0; i < nTensors; i++) {
    const at = cursor.offset;
    const start = cursor.skipString(`the name of tensor ${i}`);
    const nameBytes = cursor.bytes.subarray(start, cursor.offset);
    if (nameBytes.length > maxTensorNameBytes) {
      throw new GgufError(`the name of tensor ${i} has ${nameBytes.length} bytes: the limit is ${maxTensorNameBytes}`, {
        offset: at,
      });
    }
    const tensor = decoder.decode(nameBytes);
    if (names.has(tensor)) throw new GgufError('two tensors have this name', { tensor, offset: at });
    names.add(tensor);
    const shape = parseShape(cursor, tensor);
    const typeAt = cursor.offset;
    const typeId = cursor.u32('a tensor type', { tensor });
    const type = ggmlTypeById(typeId);
    if (type === undefined) {
      throw new GgufError(`tensor type ${typeId} does not exist or was removed from ggml`, { tensor, offset: typeAt });
    }
    const elements = shape.reduce((product, n) => product * n, 1);
    const rowLength = shape[0] ?? 1;
    if (rowLength % type.blockSize !== 0) {
      throw new GgufError(`rows of ${rowLength} values do not divide into ${type.name} blocks of ${type.blockSize}`, {
        tensor,
        offset: typeAt,
      });
    }
    const byteLength = (elements / type.blockSize) * type.blockBytes;
    if (!Number.isSafeInteger(elements) || !Number.isSafeInteger(byteLength)) {
      throw new GgufError(`shape [${shape.join(', ')}] is larger than any file`, { tensor, offset: at });
    }
    entries.push({ name: tensor, type, shape, relative: cursor.size('a tensor offset', { tensor }), byteLength, at });
  }
  return entries;
}

function parseShape(cursor: Cursor, tensor: string): number[] {
  const offset = cursor.offset;
  const nDims = cursor.u32('a number of dimensions', { tensor });
  if (nDims > maxDimensions) {
    throw new GgufError(`${nDims} dimensions: ggml has at most ${maxDimensions}`, { tensor, offset });
  }
  return Array.from({ length: nDims }, () => cursor.size('a dimension', { tensor }));
}

/** Offsets must be the running sum of padded sizes, in file order, and all data inside the file. */
function place(
  entries: readonly Entry[],
  dataOffset: number,
  alignment: number,
  fileSize: number,
): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  let expected = 0;
  for (const { name, type, shape, relative, byteLength, at } of entries) {
    if (relative !== expected) {
      throw new GgufError(
        `its data are at ${relative} of the data section, but the tensors before it end at ${expected}`,
        { tensor: name, offset: at },
      );
    }
    const offset = dataOffset + relative;
    if (offset + byteLength > fileSize) {
      throw new GgufError(
        `the file is truncated: the data need bytes ${offset} to ${offset + byteLength}, but the file has ${fileSize}`,
        { tensor: name, offset },
      );
    }
    tensors.set(name, { name, type, shape, offset, byteLength });
    expected += padded(byteLength, alignment);
  }
  return tensors;
}

function padded(n: number, alignment: number): number {
  return Math.ceil(n / alignment) * alignment;
}
