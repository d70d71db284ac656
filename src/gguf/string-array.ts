/**
 * @file An array of strings whose elements are decoded on access.
 */

/** The strings of one array, decoded on access. */
export interface StringArray {
  readonly length: number;
  /**
   * String `i`. Bytes that are not UTF-8 become U+FFFD.
   * @throws RangeError if there is no such index
   */
  at(i: number): string;
  /**
   * Bytes of string `i`, as a view that must not be written to.
   * @throws RangeError when there is no such index
   */
  bytes(i: number): Uint8Array;
  /** Copies all strings end to end into new memory, much faster than one by one. Not every array supports it. */
  pack?(): PackedTexts;
  /** All strings as the file has them, as a view that must not be written to. Not every array supports it. */
  stored?(): StoredTexts;
  [Symbol.iterator](): Iterator<string>;
}

/** Strings stored end to end: string `i` is `bytes[offsets[i], offsets[i + 1])`. */
export interface PackedTexts {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offsets: Uint32Array<ArrayBuffer>;
}

/** Strings as in a file: for each, 8 bytes of length, then its bytes, which end before `ends[i]`. */
export interface StoredTexts {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Decodes UTF-8; invalid bytes become U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return lossy.decode(bytes);
}

/** Decodes UTF-8; `undefined` if the bytes are not UTF-8 or contain a zero. */
export function decodeName(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Strings as stored in the file: for each, 8 bytes of length, then its bytes. */
export class PackedStrings implements StringArray {
  readonly #header: { readonly bytes: Uint8Array };
  readonly #start: number;
  readonly #ends: Uint32Array;

  /**
   * @param header holds the bytes of the header
   * @param start offset of the first length field
   * @param ends end of each string, relative to `start`
   */
  constructor(header: { readonly bytes: Uint8Array }, start: number, ends: Uint32Array) {
    this.#header = header;
    this.#start = start;
    this.#ends = ends;
  }

  get length(): number {
    return this.#ends.length;
  }

  at(i: number): string {
    return decodeText(this.bytes(i));
  }

  bytes(i: number): Uint8Array {
    if (!(i >= 0 && i < this.#ends.length)) throw new RangeError(`string ${i} of an array of ${this.#ends.length}`);
    const begin = i === 0 ? 0 : this.#ends[i - 1];
    return this.#header.bytes.subarray(this.#start + begin + 8, this.#start + this.#ends[i]);
  }

  pack(): PackedTexts {
    const { bytes: header } = this.#header;
    const ends = this.#ends;
    const n = ends.length;
    const bytes = new Uint8Array((n === 0 ? 0 : ends[n - 1]) - 8 * n);
    const offsets = new Uint32Array(n + 1);
    for (let i = 0, from = this.#start, to = 0; i < n; i++) {
      const end = this.#start + ends[i];
      if (end - from > 64) {
        bytes.set(header.subarray(from + 8, end), to);
        to += end - from - 8;
      } else {
        for (let k = from + 8; k < end; k++) bytes[to++] = header[k];
      }
      offsets[i + 1] = to;
      from = end;
    }
    return { bytes, offsets };
  }

  stored(): StoredTexts {
    const ends = this.#ends;
    const length = ends.length === 0 ? 0 : ends[ends.length - 1];
    return { bytes: this.#header.bytes.subarray(this.#start, this.#start + length), ends };
  }

  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** The strings of an array that stayed with another thread: only their number is known. */
export class AbsentStrings implements StringArray {
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  at(i: number): string {
    return decodeText(this.bytes(i));
  }

  bytes(i: number): Uint8Array {
    throw new Error(`string ${i} of ${this.length} stayed with another thread`);
  }

  *[Symbol.iterator](): Generator<string> {
    yield this.at(0);
  }
}
