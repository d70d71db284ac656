/**
 * @file Holds the hashes of all token prefixes: says where a walk through the text can stop, and where to look into the table
 * of tokens. It replaces a trie, takes one pass over the texts to build, and may give false positives.
 */
import { HASH_SEED, hashByte, type TokenTable } from './token-table.ts';

/** No token has this prefix. */
export const NOTHING = 0;
const PREFIX = 1;
/** Bit: this may be the complete text of a token. */
export const TOKEN = 2;

/** The filter over some tokens of a table: two sets of bits, one for prefixes and one for complete texts. */
export class PrefixFilter {
  readonly #prefixes: Int32Array;
  readonly #tokens: Int32Array;
  readonly #mask: number;

  constructor(table: TokenTable, included: (id: number) => boolean) {
    const { bytes, offsets } = table;
    let bits = 1 << 12;
    while (bits < 4 * bytes.length && bits < 1 << 30) bits *= 2;
    this.#mask = bits - 1;
    this.#prefixes = new Int32Array(bits >> 5);
    this.#tokens = new Int32Array(bits >> 5);
    for (let id = 0; id < table.size; id++) {
      if (!included(id)) continue;
      let hash = HASH_SEED;
      let place = 0;
      for (let i = offsets[id]; i < offsets[id + 1]; i++) {
        hash = hashByte(hash, bytes[i]);
        place = this.#place(hash);
        this.#prefixes[place >> 5] |= 1 << place;
      }
      this.#tokens[place >> 5] |= 1 << place;
    }
  }

  /** `NOTHING`, or the bits of what a text with this hash may be. */
  look(hash: number): number {
    const place = this.#place(hash);
    if (((this.#prefixes[place >> 5] >>> place) & 1) === 0) return NOTHING;
    return ((this.#tokens[place >> 5] >>> place) & 1) === 0 ? PREFIX : PREFIX | TOKEN;
  }

  #place(hash: number): number {
    return (hash ^ (hash >>> 13)) & this.#mask;
  }
}
