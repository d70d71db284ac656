/**
 * @file Knows the hashes of all beginnings of tokens: says where a walk through the text can stop, and where a look into the table
 * of tokens is worth it. A trie that takes one pass over the texts to build; it may err to the yes.
 */
import { HASH_SEED, hashByte, type TokenTable } from './token-table.ts';

/** No token begins like this. */
export const NOTHING = 0;
const PREFIX = 1;
/** Bit: this may be the whole text of a token. */
export const TOKEN = 2;

/** The filter over some tokens of a table. */
export class PrefixFilter {
  readonly #seen: Uint8Array;
  readonly #mask: number;

  constructor(table: TokenTable, included: (id: number) => boolean) {
    const { bytes, offsets } = table;
    let size = 1 << 12;
    while (size < bytes.length) size *= 2;
    this.#mask = size - 1;
    this.#seen = new Uint8Array(size);
    for (let id = 0; id < table.size; id++) {
      if (!included(id)) continue;
      let hash = HASH_SEED;
      for (let i = offsets[id]; i < offsets[id + 1]; i++) {
        hash = hashByte(hash, bytes[i]);
        this.#seen[this.#place(hash)] |= PREFIX;
      }
      this.#seen[this.#place(hash)] |= TOKEN;
    }
  }

  /** `NOTHING`, or what a text with this hash may be. */
  look(hash: number): number {
    return this.#seen[this.#place(hash)];
  }

  #place(hash: number): number {
    return (hash ^ (hash >>> 13)) & this.#mask;
  }
}
