/**
 * @file A lazy array of strings: token lists have 250 000 of them, and most are never looked at.
 */

const decoder = new TextDecoder();

/** Strings that stay bytes until one is asked for. */
export class StringArray {
  readonly length: number;
  readonly #bytes: Uint8Array;
  /** Where string `i` begins, and, at `2 i + 1`, where it ends. */
  readonly #bounds: Uint32Array;

  /**
   * @param bytes memory that holds all the strings
   * @param bounds `[2 n]` begin and end of each string in `bytes`
   */
  constructor(bytes: Uint8Array, bounds: Uint32Array) {
    this.#bytes = bytes;
    this.#bounds = bounds;
    this.length = bounds.length / 2;
  }

  /** String `i`; bytes that are not UTF-8 become U+FFFD. */
  at(i: number): string {
    return decoder.decode(this.bytes(i));
  }

  /**
   * The bytes of string `i` as they are in the file: a view, not a copy.
   * @throws RangeError when there is no string `i`
   */
  bytes(i: number): Uint8Array {
    if (!(i >= 0 && i < this.length)) throw new RangeError(`no string ${i} in an array of ${this.length}`);
    return this.#bytes.subarray(this.#bounds[2 * i], this.#bounds[2 * i + 1]);
  }

  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}
