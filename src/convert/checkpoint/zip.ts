/**
 * @file Reads the directory of a zip file, and its members. A stored (uncompressed) member is read in place.
 */
import { type ByteSource, describeSource, memorySource } from '../../gguf/index.ts';
import { ConvertError } from '../conversion-error.ts';

/** A member of the archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes in the archive, and after unpacking. */
  readonly packedSize: number;
  readonly size: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  /** Offset of its local header. */
  readonly headerOffset: number;
}

/** Most bytes of the comment after the directory, whose length field has 16 bits. */
const MAX_COMMENT = 65535;
/** Most members of an archive; a checkpoint has one for each tensor. */
const MAX_ENTRIES = 65536;
/** Most bytes of the directory; each entry takes 46 and its name. */
const MAX_DIRECTORY_BYTES = 16 * 1024 * 1024;
/** Most bytes that a deflated member may unpack to. PyTorch does not deflate; other writers may deflate the small pickle. */
const MAX_DEFLATED_BYTES = 256 * 1024 * 1024;

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/** @throws ConvertError if the file is damaged or not a zip file */
export async function readZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { count, size, offset } = await findDirectory(source);
  if (count > MAX_ENTRIES || size > MAX_DIRECTORY_BYTES || offset + size > source.size) {
    throw new ConvertError(`the zip directory (${count} members, ${size} bytes at ${offset}) is damaged`, source.name);
  }
  const view = await viewOf(source, offset, size);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== CENTRAL) {
      throw new ConvertError(`member ${i} of the zip directory is damaged`, source.name);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > size) throw new ConvertError(`member ${i} of the zip directory is truncated`, source.name);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameLength));
    const fields = {
      size: view.getUint32(at + 24, true),
      packedSize: view.getUint32(at + 20, true),
      headerOffset: view.getUint32(at + 42, true),
    };
    const large = readZip64(view, at + 46 + nameLength, extraLength, fields);
    entries.set(name, { name, method: view.getUint16(at + 10, true), ...large });
    at = next;
  }
  return entries;
}

/**
 * The bytes of a member. A stored one is a view of the archive, a deflated one is unpacked.
 * @throws ConvertError if the member is damaged, or its compression is not supported
 */
export async function openEntry(source: ByteSource, entry: ZipEntry): Promise<ByteSource> {
  const fail = (problem: string, cause?: unknown) => new ConvertError(`${entry.name}: ${problem}`, source.name, cause);
  if (entry.headerOffset + 30 > source.size) throw fail('its place in the archive is damaged');
  const header = await viewOf(source, entry.headerOffset, 30);
  if (header.getUint32(0, true) !== LOCAL) throw fail('its place in the archive is damaged');
  const begin = entry.headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (entry.packedSize > source.size - begin) throw fail('it extends past the end of the archive');
  if (entry.method === 0) {
    if (entry.size !== entry.packedSize) throw fail('its sizes contradict each other');
    return {
      name: entry.name,
      size: entry.size,
      read: (offset, into) => {
        if (!(offset >= 0 && offset + into.length <= entry.size))
          throw fail(`it has ${entry.size} bytes, more are needed`);
        return source.read(begin + offset, into);
      },
      async close() {},
    };
  }
  if (entry.method !== 8) throw fail(`it is compressed by method ${entry.method}; 0 and 8 are supported`);
  if (entry.size > MAX_DEFLATED_BYTES)
    throw fail(`it unpacks to ${entry.size} bytes; at most ${MAX_DEFLATED_BYTES} are allowed`);
  const packed = new Uint8Array(entry.packedSize);
  await source.read(begin, packed);
  const { inflateSync } = await import('fflate');
  try {
    const bytes = inflateSync(packed, { out: new Uint8Array(entry.size) });
    if (bytes.length !== entry.size) throw new Error(`it unpacks to ${bytes.length} bytes instead of ${entry.size}`);
    return memorySource(bytes, entry.name);
  } catch (cause) {
    throw fail(`it cannot be unpacked: ${(cause as Error).message}`, cause);
  }
}

async function findDirectory(source: ByteSource): Promise<{ count: number; size: number; offset: number }> {
  const refuse = async () => {
    const found = (await describeSource(source, 'torch')) ?? 'truncated or damaged: there is no directory at its end';
    return new ConvertError(`not a zip file from PyTorch: it is ${found}`, source.name);
  };
  const length = Math.min(source.size, 22 + MAX_COMMENT);
  const tail = await viewOf(source, source.size - length, length);
  let end = length - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end--;
  if (end < 0) throw await refuse();
  const locator = end - 20;
  if (locator >= 0 && tail.getUint32(locator, true) === LOCATOR64) {
    const at = Number(tail.getBigUint64(locator + 8, true));
    if (!(at + 56 <= source.size)) throw await refuse();
    const view = await viewOf(source, at, 56);
    if (view.getUint32(0, true) !== END64) throw await refuse();
    return { count: u64(view, 32), size: u64(view, 40), offset: u64(view, 48) };
  }
  return {
    count: tail.getUint16(end + 10, true),
    size: tail.getUint32(end + 12, true),
    offset: tail.getUint32(end + 16, true),
  };
}

type Sizes = Pick<ZipEntry, 'size' | 'packedSize' | 'headerOffset'>;

/** A field of 32 ones has its value in extra field 1, with 64 bits, in this order. */
function readZip64(view: DataView, begin: number, length: number, fields: Sizes): Sizes {
  const result = { ...fields };
  for (let at = begin; at + 4 <= begin + length; ) {
    const size = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      let from = at + 4;
      for (const name of ['size', 'packedSize', 'headerOffset'] as const) {
        if (fields[name] !== 0xffffffff || from + 8 > Math.min(at + 4 + size, begin + length)) continue;
        result[name] = u64(view, from);
        from += 8;
      }
    }
    at += 4 + size;
  }
  return result;
}

function u64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

async function viewOf(source: ByteSource, offset: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length);
  await source.read(offset, bytes);
  return new DataView(bytes.buffer);
}
