/**
 * @file The arithmetic decoder of VP8, which decodes bits with known probabilities.
 */

export class BoolReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #value = 0;
  /** Bits in `value` beyond the 8 that the next decision compares. */
  #nBits = -8;
  /** The range minus one. */
  #range = 254;
  /** Whether more was read than there is. Bits beyond the end are zeros. */
  isPast = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A bit that is 0 with the probability `probability / 256`. */
  bit(probability: number): number {
    if (this.#nBits < 0) this.#load();
    const split = (this.#range * probability) >> 8;
    let range: number;
    let bit = 0;
    if (this.#value >>> this.#nBits > split) {
      range = this.#range - split;
      this.#value -= (split + 1) << this.#nBits;
      bit = 1;
    } else range = split + 1;
    const shift = Math.clz32(range) - 24;
    this.#range = (range << shift) - 1;
    this.#nBits -= shift;
    return bit;
  }

  #load(): void {
    for (let n = 0; n < 2; n++) {
      if (this.#at >= this.#bytes.length && (n > 0 || this.isPast)) {
        if (n === 0) {
          this.#value <<= 8;
          this.#nBits += 8;
        }
        return;
      }
      if (this.#at >= this.#bytes.length) this.isPast = true;
      this.#value = (this.#value << 8) | (this.#bytes[this.#at++] ?? 0);
      this.#nBits += 8;
    }
  }

  /** A number of `n` bits. */
  number(n: number): number {
    let value = 0;
    while (n-- > 0) value = (value << 1) | this.bit(128);
    return value;
  }

  /** A number of `n` bits and its sign. */
  signed(n: number): number {
    const value = this.number(n);
    return this.bit(128) ? -value : value;
  }

  /** A signed number of `n` bits if a bit says that there is one, else 0. */
  optional(n: number): number {
    return this.bit(128) ? this.signed(n) : 0;
  }
}
