/**
 * @file Reads numbers and strings from the bytes of a header, one after the other.
 */
import { GgufError, type GgufErrorPlace } from './errors.ts';
import { maxStringBytes } from './limits.ts';

/** Thrown when the header goes on beyond the bytes that have been read so far; `open` reads more and begins again. */
export class NeedMoreBytes {
  readonly end: number;
  constructor(end: number) {
    this.end = end;
  }
}

/** A position in the first bytes of a file. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  /** Size of the whole file. */
  readonly fileSize: number;
  offset = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, fileSize: number, littleEndian: boolean, offset = 0) {
    this.bytes = bytes;
    this.fileSize = fileSize;
    this.littleEndian = littleEndian;
    this.offset = offset;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes from here to the end of the file. */
  get left(): number {
    return this.fileSize - this.offset;
  }

  /**
   * Moves over `n` bytes and gives the offset of the first.
   * @throws GgufError when the file has fewer; NeedMoreBytes when they have not been read yet
   */
  take(n: number, what: string, place: GgufErrorPlace = {}): number {
    const start = this.offset;
    if (n > this.left) {
      throw new GgufError(`the file ends inside ${what}: it takes ${n} bytes and ${this.left} are left`, {
        ...place,
        offset: start,
      });
    }
    if (start + n > this.bytes.length) throw new NeedMoreBytes(start + n);
    this.offset = start + n;
    return start;
  }

  u32(what: string, place?: GgufErrorPlace): number {
    return this.#view.getUint32(this.take(4, what, place), this.littleEndian);
  }

  /**
   * A 64-bit count, length or offset.
   * @throws GgufError above 2⁵³, which no file reaches
   */
  size(what: string, place?: GgufErrorPlace): number {
    const start = this.take(8, what, place);
    const value = this.#view.getBigUint64(start, this.littleEndian);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new GgufError(`${what} is ${value}, larger than any file`, { ...place, offset: start });
    }
    return Number(value);
  }

  /** Moves over a string and gives where its bytes begin; they end at `offset`. */
  skipString(what: string, place?: GgufErrorPlace): number {
    const start = this.offset;
    const length = this.size(`the length of ${what}`, place);
    if (length > maxStringBytes || length > this.left) {
      throw new GgufError(
        `${what} claims to be ${length} bytes long: ${length > maxStringBytes ? `the limit is ${maxStringBytes}` : `${this.left} are left in the file`}`,
        { ...place, offset: start },
      );
    }
    return this.take(length, what, place);
  }

  /** The view that scalars are read through. */
  get view(): DataView {
    return this.#view;
  }
}
