/**
 * @file Sorts some tokens by their bytes, to find those at a position of a text.
 */
import type { TokenTable } from './token-table.ts';

/** Receives a token that was found and its length in bytes. */
export type Found = (id: number, length: number) => void;

/** A few tokens of a vocabulary, sorted. For special tokens; `PrefixFilter` is for complete vocabularies. */
export class SortedTexts {
  readonly #table: TokenTable;
  readonly #ids: Int32Array;
  /** Texts that begin with byte b are `#ids[#first[b], #first[b + 1])`. */
  readonly #first = new Int32Array(257);

  constructor(table: TokenTable, ids: readonly number[]) {
    const { bytes, offsets } = table;
    this.#table = table;
    this.#ids = Int32Array.from(ids).sort((a, b) => {
      const end = Math.min(offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]);
      for (let i = 0; i < end; i++) {
        const order = bytes[offsets[a] + i] - bytes[offsets[b] + i];
        if (order !== 0) return order;
      }
      return offsets[a + 1] - offsets[a] - (offsets[b + 1] - offsets[b]);
    });
    for (const id of ids) this.#first[bytes[offsets[id]] + 1]++;
    for (let b = 0; b < 256; b++) this.#first[b + 1] += this.#first[b];
  }

  get size(): number {
    return this.#ids.length;
  }

  /** Whether a text begins with this byte. */
  begins(byte: number): boolean {
    return this.#first[byte] < this.#first[byte + 1];
  }

  /**
   * Reports each token whose text is at `text[at]`, shortest first.
   * @returns the number of bytes from `at` on that are the prefix of a token, whether or not a token ends there
   */
  walk(text: Uint8Array, at: number, end: number, found?: Found): number {
    const { bytes, offsets } = this.#table;
    const ids = this.#ids;
    let low = this.#first[text[at]];
    let high = this.#first[text[at] + 1];
    for (let depth = 1; low < high; depth++) {
      const id = ids[low];
      if (offsets[id + 1] - offsets[id] === depth) {
        found?.(id, depth);
        low++;
      }
      if (at + depth >= end || low === high) return depth;
      const next = text[at + depth];
      // If the first and the last continue with this byte, so do all between.
      if (bytes[offsets[ids[low]] + depth] === next && bytes[offsets[ids[high - 1]] + depth] === next) continue;
      low = this.#lowerBound(low, high, (i) => bytes[offsets[i] + depth] >= next);
      high = this.#lowerBound(low, high, (i) => bytes[offsets[i] + depth] > next);
      if (low === high) return depth;
    }
    return 0;
  }

  /** The first index in `[low, high)` whose id passes `test`, or `high`; ids that pass follow those that do not. */
  #lowerBound(low: number, high: number, test: (id: number) => boolean): number {
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (test(this.#ids[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
