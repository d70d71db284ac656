/**
 * @file Random access to the bytes of a remote file: by ranges if the server supports them, else by reading one answer
 * sequentially. Needs only `fetch`.
 */
import { bodyOf } from './answer-body.ts';
import type { Connection } from './connection.ts';
import { HubError, shownUrl } from './errors.ts';
import { refusal } from './refusal.ts';
import { request } from './requests.ts';
import { withRetries } from './retries.ts';

/** A remote file. It has the shape of the reader's `ByteSource`. */
export interface RemoteSource {
  /** Its URL without parts that may be secret. */
  readonly name: string;
  readonly size: number;
  /** Bytes received over the network so far. */
  readonly fetched: number;
  /** Fills `into` with the bytes from `offset` on. @throws HubError if they cannot be fetched */
  read(offset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Bytes of the first request: enough for most headers except the vocabulary. */
const FIRST_BYTES = 64 * 1024;
/** Most bytes of a file of unknown length, which is kept in memory. */
const MAX_UNSIZED_BYTES = 4 * 2 ** 30;
/** Number of cached blocks. */
const KEPT_BLOCKS = 8;

/**
 * Opens a remote file.
 * @param blockBytes size of the blocks that are fetched. 0: fetches exactly what is read, for callers that need little of a large
 *   file
 * @param size the size of the file, if known
 * @throws HubError if the server refuses
 */
export async function openRemote(
  url: URL,
  connection: Connection,
  blockBytes: number,
  size?: number,
): Promise<RemoteSource> {
  return withRetries(connection, async () => {
    let answer = await request(connection, url, { range: `bytes=0-${FIRST_BYTES - 1}` });
    if (answer.headers.get('content-range')?.endsWith('/*')) {
      await answer.body?.cancel();
      answer = await request(connection, url);
    }
    if (answer.status === 206) return new RangeSource(url, connection, answer, blockBytes, size).begin();
    if (answer.status === 200) return new StreamSource(url, answer).begin();
    throw await refusal(connection, answer, url);
  });
}

/** A file read by ranges. */
class RangeSource implements RemoteSource {
  readonly name: string;
  readonly size: number;
  fetched = 0;
  readonly #url: URL;
  readonly #connection: Connection;
  readonly #etag: string | null;
  readonly #blockBytes: number;
  readonly #first: Response;
  #head = new Uint8Array(0);
  /** By index, most recently used last. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>();

  constructor(url: URL, connection: Connection, first: Response, blockBytes: number, size: number | undefined) {
    this.#url = url;
    this.#connection = connection;
    this.#first = first;
    this.#etag = first.headers.get('etag');
    this.#blockBytes = blockBytes;
    this.name = shownUrl(url);
    // Browsers hide the header if the other origin does not expose it.
    const range = first.headers.get('content-range');
    this.size = range === null ? (size ?? Number.NaN) : Number(/^bytes 0-\d+\/(\d+)$/.exec(range)?.[1]);
    if (!Number.isSafeInteger(this.size)) throw new HubError('bad-answer', `${this.name} does not say its length`);
  }

  /** Takes the bytes of the answer that opened the file. */
  async begin(): Promise<this> {
    this.#head = await this.#bytesOf(this.#first, Math.min(this.size, FIRST_BYTES));
    return this;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    if (!(offset >= 0 && offset + into.length <= this.size)) {
      throw new HubError(
        'bad-answer',
        `${this.name} has no ${into.length} bytes from ${offset} on: it ends after ${this.size}`,
      );
    }
    let done = 0;
    if (offset < this.#head.length) {
      const known = this.#head.subarray(offset, offset + into.length);
      into.set(known);
      done = known.length;
    }
    while (done < into.length) {
      const at = offset + done;
      if (this.#blockBytes === 0) {
        into.set(await this.#fetch(at, offset + into.length), done);
        return;
      }
      const index = Math.floor(at / this.#blockBytes);
      const block = await this.#block(index);
      const from = at - index * this.#blockBytes;
      const part = block.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  async close(): Promise<void> {
    this.#blocks.clear();
  }

  /** A block, fetched once while it is cached. Also starts to fetch the next block. */
  async #block(index: number): Promise<Uint8Array> {
    const wanted = this.#startBlock(index);
    if ((index + 1) * this.#blockBytes < this.size) this.#startBlock(index + 1).catch(() => {});
    while (this.#blocks.size > KEPT_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value as number);
    return wanted;
  }

  #startBlock(index: number): Promise<Uint8Array> {
    const begin = index * this.#blockBytes;
    const block = this.#blocks.get(index) ?? this.#fetch(begin, Math.min(this.size, begin + this.#blockBytes));
    this.#blocks.delete(index);
    this.#blocks.set(index, block);
    // After a failure, the next caller fetches the block again.
    block.catch(() => this.#blocks.delete(index));
    return block;
  }

  #fetch(begin: number, end: number): Promise<Uint8Array> {
    return withRetries(this.#connection, async () => {
      const answer = await request(this.#connection, this.#url, { range: `bytes=${begin}-${end - 1}` });
      if (answer.status !== 206) throw await refusal(this.#connection, answer, this.#url);
      if (answer.headers.get('etag') !== this.#etag) {
        throw new HubError('changed', `${this.name} changed while it was being read`);
      }
      const range = answer.headers.get('content-range');
      if (range !== null && range !== `bytes ${begin}-${end - 1}/${this.size}`) {
        throw new HubError('bad-answer', `${this.name} sent another range than the one requested`);
      }
      return this.#bytesOf(answer, end - begin);
    });
  }

  async #bytesOf(answer: Response, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    let done = 0;
    for await (const piece of bodyOf(answer, this.#url)) {
      this.fetched += piece.length;
      if (done + piece.length > length)
        throw new HubError('bad-answer', `${this.name} sent more bytes than it announced`);
      bytes.set(piece, done);
      done += piece.length;
    }
    if (done < length) throw new HubError('unavailable', `${this.name}: the connection was cut`);
    return bytes;
  }
}

/** A file that comes in one answer: read as far as needed, and kept, because the answer cannot be read twice. */
class StreamSource implements RemoteSource {
  readonly name: string;
  size: number;
  fetched = 0;
  readonly #pieces: { readonly begin: number; readonly bytes: Uint8Array }[] = [];
  readonly #body: AsyncGenerator<Uint8Array>;
  #reading: Promise<void> = Promise.resolve();

  constructor(url: URL, answer: Response) {
    this.name = shownUrl(url);
    const length = answer.headers.get('content-length');
    const isPlain = length !== null && !answer.headers.has('content-encoding') && Number.isSafeInteger(Number(length));
    this.size = isPlain ? Number(length) : Number.POSITIVE_INFINITY;
    this.#body = bodyOf(answer, url);
  }

  /** Reads the whole file if its length is unknown. */
  async begin(): Promise<this> {
    if (this.size === Number.POSITIVE_INFINITY) {
      await this.#readTo(MAX_UNSIZED_BYTES);
      this.size = this.fetched;
    }
    return this;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    const end = offset + into.length;
    this.#reading = this.#reading.then(() => this.#readTo(end));
    await this.#reading;
    for (const { begin, bytes } of this.#pieces) {
      if (begin >= end) break;
      if (begin + bytes.length <= offset) continue;
      const from = Math.max(offset, begin);
      into.set(bytes.subarray(from - begin, end - begin), from - offset);
    }
  }

  async close(): Promise<void> {
    this.#pieces.length = 0;
    await this.#body.return(undefined);
  }

  async #readTo(end: number): Promise<void> {
    while (this.fetched < end) {
      const { done, value } = await this.#body.next();
      if (done && this.size === Number.POSITIVE_INFINITY) return;
      if (done) throw new HubError('unavailable', `${this.name} ended after ${this.fetched} of ${this.size} bytes`);
      this.#pieces.push({ begin: this.fetched, bytes: value });
      this.fetched += value.length;
      if (this.fetched > this.size) throw new HubError('bad-answer', `${this.name} sent more bytes than it announced`);
    }
  }
}
