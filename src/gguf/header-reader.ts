/**
 * @file Reads the header of a GGUF field by field, in a few positioned reads of growing size.
 */
import { GgufError, type GgufErrorPlace } from './errors.ts';
import {
  FAST_GROWTH_BYTES,
  FIRST_READ_BYTES,
  MAX_ARRAY_STRINGS,
  MAX_HEADER_BYTES,
  MAX_STRING_BYTES,
} from './limits.ts';
import type { ByteSource } from './source.ts';

/** The bytes of the header that have been read so far. The array is replaced when it grows. */
export interface HeaderBytes {
  readonly bytes: Uint8Array;
}

/** A cursor over the header. Every method checks the bytes that are left before it reads or allocates. */
export class HeaderReader {
  readonly source: ByteSource;
  /** Set after the version field is read. */
  littleEndian = true;
  /** What is being read, for messages. */
  place: Pick<GgufErrorPlace, 'key' | 'tensor'> = {};
  readonly #header: { bytes: Uint8Array };
  #view: DataView;
  #position = 0;

  constructor(source: ByteSource) {
    this.source = source;
    this.#header = { bytes: new Uint8Array(0) };
    this.#view = new DataView(this.#header.bytes.buffer);
  }

  /** Offset of the next field. */
  get position(): number {
    return this.#position;
  }

  /** The bytes from offset 0; grows while the header is read. */
  get header(): HeaderBytes {
    return this.#header;
  }

  /** Bytes of the file after the cursor. */
  get remaining(): number {
    return this.source.size - this.#position;
  }

  /** An error at the current place. */
  error(problem: string, offset = this.#position): GgufError {
    return new GgufError(problem, { source: this.source.name, ...this.place, offset });
  }

  /** Skips `n` bytes and returns the index of the first. `what` names them in the error if the file ends earlier. */
  async skip(n: number, what: string): Promise<number> {
    const at = this.#position;
    if (at + n > this.#header.bytes.length) await this.#grow(at + n, what);
    this.#position = at + n;
    return at;
  }

  /** @returns the next unsigned 32 bit number */
  async u32(what: string): Promise<number> {
    const at = await this.skip(4, what);
    return this.#view.getUint32(at, this.littleEndian);
  }

  /** A count, length or offset of 64 bits. `limit` is the largest accepted value. */
  async size(what: string, limit: number, reason: string): Promise<number> {
    const at = await this.skip(8, what);
    const value = this.#u64(at);
    if (value > limit) throw this.error(`${what} is ${this.#view.getBigUint64(at, this.littleEndian)}; ${reason}`, at);
    return value;
  }

  /** A scalar at the cursor, read by `get`. */
  async scalar<T>(
    bytes: number,
    what: string,
    get: (view: DataView, at: number, littleEndian: boolean) => T,
  ): Promise<T> {
    const at = await this.skip(bytes, what);
    return get(this.#view, at, this.littleEndian);
  }

  /** A string, as the range of its bytes in the header. */
  async string(what: string, maxBytes = MAX_STRING_BYTES): Promise<{ start: number; end: number }> {
    const at = this.#position;
    const length = await this.size(`the length of ${what}`, maxBytes, `at most ${maxBytes} bytes are allowed`);
    if (length > this.remaining) {
      throw this.error(`the length of ${what} is ${length}, but only ${this.remaining} bytes are left in the file`, at);
    }
    const start = await this.skip(length, what);
    return { start, end: start + length };
  }

  /**
   * Walks over `count` strings, checks that each fits, and returns the end of each relative to the cursor. The walk awaits
   * only to read more of the file.
   */
  async strings(count: number): Promise<Uint32Array> {
    if (count > MAX_ARRAY_STRINGS) {
      throw this.error(`an array of ${count} strings; at most ${MAX_ARRAY_STRINGS} are allowed`);
    }
    if (count > this.remaining / 8) {
      throw this.error(`an array of ${count} strings does not fit in the ${this.remaining} bytes left in the file`);
    }
    const ends = new Uint32Array(count);
    const start = this.#position;
    const { size } = this.source;
    const [low, high] = this.littleEndian ? [0, 4] : [4, 0];
    let view = this.#view;
    // Private fields are slow until the loop is compiled.
    for (let i = 0, at = start; i < count; i++) {
      if (at + 8 > view.byteLength) view = await this.#grow(at + 8, `the length of string ${i}`, at);
      const length =
        view.getUint32(at + high, this.littleEndian) * 2 ** 32 + view.getUint32(at + low, this.littleEndian);
      if (length > size - at - 8) {
        throw this.error(
          `string ${i} of ${count} has the length ${length}, which extends past the end of the file`,
          at,
        );
      }
      const end = at + 8 + length;
      if (end > view.byteLength) view = await this.#grow(end, `string ${i}`, at);
      at = end;
      ends[i] = at - start;
    }
    this.#position = count === 0 ? start : start + ends[count - 1];
    return ends;
  }

  #u64(at: number): number {
    const low = this.#view.getUint32(this.littleEndian ? at : at + 4, this.littleEndian);
    const high = this.#view.getUint32(this.littleEndian ? at + 4 : at, this.littleEndian);
    return high * 2 ** 32 + low;
  }

  /** Reads until at least `end` bytes are in memory; the buffer grows with each read. */
  async #grow(end: number, what: string, at = this.#position): Promise<DataView> {
    const { size } = this.source;
    const old = this.#header.bytes;
    if (end > size) {
      throw this.error(`the file ends after ${size} bytes, in the middle of ${what}`, at);
    }
    if (end > MAX_HEADER_BYTES) {
      throw this.error(`${what} extends past byte ${MAX_HEADER_BYTES}, the limit for the header`, at);
    }
    const grown = old.length < FAST_GROWTH_BYTES ? Math.min(4 * old.length, FAST_GROWTH_BYTES) : 2 * old.length;
    const bytes = new Uint8Array(Math.min(size, MAX_HEADER_BYTES, Math.max(end, grown, FIRST_READ_BYTES)));
    bytes.set(old);
    await this.source.read(old.length, bytes.subarray(old.length));
    this.#header.bytes = bytes;
    return (this.#view = new DataView(bytes.buffer));
  }
}
