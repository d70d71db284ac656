/**
 * @file A remote file as random access to its bytes: by ranges where the server gives them, else by reading on in one
 * answer. Needs nothing but `fetch`.
 */
import { HubError, shownUrl } from './errors.ts';
import { bodyOf, type Connection, refusal, request, withRetries } from './requests.ts';

/** A remote file. It has the shape of the reader's `ByteSource`. */
export interface RemoteSource {
  /** Its URL without what may be secret. */
  readonly name: string;
  readonly size: number;
  /** Bytes that have come over the network so far. */
  readonly fetched: number;
  /** Fills `into` with the bytes from `offset` on. @throws HubError when they cannot be had */
  read(offset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Bytes of the first request: most of a header but the vocabulary. */
const FIRST_BYTES = 64 * 1024;
/** Most bytes of a file that is kept in memory because nothing tells its length. */
const MAX_UNSIZED_BYTES = 4 * 2 ** 30;
/** Blocks that are kept. */
const KEPT_BLOCKS = 8;

/**
 * Opens a remote file.
 * @param blockBytes how much is fetched at a time around what is read. 0: exactly what is read, for somebody who wants
 *   little of a large file.
 * @param size where it is known already
 * @throws HubError when it is refused
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

/** A file that is read by ranges. */
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
  /** By index, the one that was used last at the end. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>();

  constructor(url: URL, connection: Connection, first: Response, blockBytes: number, size: number | undefined) {
    this.#url = url;
    this.#connection = connection;
    this.#first = first;
    this.#etag = first.headers.get('etag');
    this.#blockBytes = blockBytes;
    this.name = shownUrl(url);
    // Browsers hide the header where the other origin does not allow them to show it.
    const range = first.headers.get('content-range');
    this.size = range === null ? (size ?? Number.NaN) : Number(/^bytes 0-\d+\/(\d+)$/.exec(range)?.[1]);
    if (!Number.isSafeInteger(this.size)) throw new HubError('bad-answer', `${this.name} does not say how long it is`);
  }

  /** Takes what has come with the answer that opened it. */
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

  /** A block, fetched once while it is kept; the one behind it is fetched at the same time. */
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
    // A block that could not be had is asked for again by who wants it next.
    block.catch(() => this.#blocks.delete(index));
    return block;
  }

  #fetch(begin: number, end: number): Promise<Uint8Array> {
    return withRetries(this.#connection, async () => {
      const answer = await request(this.#connection, this.#url, { range: `bytes=${begin}-${end - 1}` });
      if (answer.status !== 206) throw await refusal(this.#connection, answer, this.#url);
      if (answer.headers.get('etag') !== this.#etag) {
        throw new HubError('changed', `${this.name} has changed while it was read`);
      }
      const range = answer.headers.get('content-range');
      if (range !== null && range !== `bytes ${begin}-${end - 1}/${this.size}`) {
        throw new HubError('bad-answer', `${this.name} gave another range than it was asked for`);
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
        throw new HubError('bad-answer', `${this.name} gave more bytes than it had announced`);
      bytes.set(piece, done);
      done += piece.length;
    }
    if (done < length) throw new HubError('unavailable', `${this.name}: the connection was cut`);
    return bytes;
  }
}

/** A file that comes in one answer: read as far as it is needed, and kept, because nothing can be read twice. */
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

  /** Reads everything where only the end tells how long it is. */
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
      if (this.fetched > this.size)
        throw new HubError('bad-answer', `${this.name} gave more bytes than it had announced`);
    }
  }
}
