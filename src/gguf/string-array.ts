/**
 * @file An array of strings that is decoded only where somebody looks.
 */

/** The strings of one array. Nothing is decoded until asked for. */
export interface StringArray {
  readonly length: number;
  /**
   * String `i`. Bytes that are not UTF-8 become U+FFFD.
   * @throws RangeError when there is no such index
   */
  at(i: number): string;
  /**
   * Bytes of string `i`, as a view that must not be written to.
   * @throws RangeError when there is no such index
   */
  bytes(i: number): Uint8Array;
  [Symbol.iterator](): Iterator<string>;
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return lossy.decode(bytes);
}

/** Text of UTF-8 bytes, or `undefined` when they are not UTF-8 or hold a zero. */
export function decodeName(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Strings as they lie in the file: each 8 bytes of length, then its bytes. */
export class PackedStrings implements StringArray {
  readonly #header: { readonly bytes: Uint8Array };
  readonly #start: number;
  readonly #ends: Uint32Array;

  /**
   * @param header holder of the header's bytes
   * @param start offset of the first length field
   * @param ends end of each string, counted from `start`
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

  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}
