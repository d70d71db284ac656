/**
 * @file Gzipped files. gzip has no random access, so the file is unpacked into memory, piece by piece and within limits.
 */
import { GgufError } from './errors.ts';
import { MAX_GZIP_BYTES, MAX_GZIP_RATIO, MIN_GZIP_LIMIT } from './limits.ts';
import type { ByteSource } from './source.ts';
import { checkRange } from './sources.ts';

/** Packed bytes that are unpacked at a time; at deflate's largest ratio they give 8 MB. */
const STEP_BYTES = 8 * 1024;
/** Unpacked bytes are kept in pages of this size, so that growing copies nothing. */
const PAGE_BYTES = 1024 * 1024;
/** Shortest gzip file: header and trailer. */
const MIN_GZIP_BYTES = 18;

/** Whether the file begins like a gzip file. */
export async function isGzip(source: ByteSource): Promise<boolean> {
  if (source.size < MIN_GZIP_BYTES) return false;
  const magic = new Uint8Array(2);
  await source.read(0, magic);
  return magic[0] === 0x1f && magic[1] === 0x8b;
}

/**
 * Unpacks a gzip file (of one member) into memory; then closes the packed source.
 * @throws GgufError when it is damaged or incomplete, or unpacks to more than the limits allow
 */
export async function gunzipSource(source: ByteSource): Promise<ByteSource> {
  const pages = await unpack(source);
  await source.close();
  return paged(source.name, pages);
}

async function unpack(source: ByteSource): Promise<Pages> {
  const fail = (problem: string, offset: number, cause?: unknown) =>
    new GgufError(problem, { source: source.name, offset, cause });
  const limit = Math.min(MAX_GZIP_BYTES, Math.max(MIN_GZIP_LIMIT, source.size * MAX_GZIP_RATIO));
  const pages = new Pages();
  let crc = 0xffffffff;
  let furtherMember = false;
  // Imported on demand, because the module builds tables when it loads.
  const { Gunzip } = await import('fflate');
  const gunzip = new Gunzip((chunk) => {
    if (pages.size + chunk.length <= limit) {
      crc = crc32(crc, chunk);
      pages.append(chunk);
    } else pages.size = limit + 1;
  });
  gunzip.onmember = () => {
    furtherMember = true;
  };
  for (let at = 0; at < source.size; at += STEP_BYTES) {
    const packed = new Uint8Array(Math.min(STEP_BYTES, source.size - at));
    await source.read(at, packed);
    try {
      gunzip.push(packed, at + packed.length === source.size);
    } catch (cause) {
      throw fail(`the gzip file is damaged or incomplete: ${(cause as Error).message}`, at, cause);
    }
    if (pages.size > limit) {
      throw fail(
        `the gzip file unpacks to more than ${limit} bytes; at most ${MAX_GZIP_RATIO} times its size is allowed`,
        at,
      );
    }
    if (furtherMember) throw fail('the gzip file has more than one member; pack the model as a single one', at);
  }
  const trailer = new Uint8Array(8);
  await source.read(source.size - 8, trailer);
  const view = new DataView(trailer.buffer);
  if (view.getUint32(0, true) !== (crc ^ 0xffffffff) >>> 0 || view.getUint32(4, true) !== pages.size % 2 ** 32) {
    throw fail('the gzip file is damaged: the checksum does not match the unpacked data', source.size - 8);
  }
  return pages;
}

/** Bytes in pages of equal size. */
class Pages {
  size = 0;
  readonly #pages: Uint8Array[] = [];

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const within = this.size % PAGE_BYTES;
      if (within === 0) this.#pages.push(new Uint8Array(PAGE_BYTES));
      const n = Math.min(bytes.length - done, PAGE_BYTES - within);
      this.#pages[this.#pages.length - 1].set(bytes.subarray(done, done + n), within);
      this.size += n;
      done += n;
    }
  }

  copy(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const within = (offset + done) % PAGE_BYTES;
      const n = Math.min(into.length - done, PAGE_BYTES - within);
      const page = this.#pages[Math.floor((offset + done) / PAGE_BYTES)];
      into.set(page.subarray(within, within + n), done);
      done += n;
    }
  }
}

function paged(name: string, pages: Pages): ByteSource {
  const place = { name, size: pages.size };
  return {
    ...place,
    async read(offset, into) {
      checkRange(place, offset, into.length);
      pages.copy(offset, into);
    },
    async close() {},
  };
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** gzip's CRC-32 without the inversions at the beginning and the end. */
function crc32(crc: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return crc;
}
