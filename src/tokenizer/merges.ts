/**
 * @file The merges of a BPE vocabulary: which two symbols become which one, and in which order.
 *
 * Symbols are numbers: tokens keep their ids, and texts in merges that are not tokens get the numbers after them.
 */
import { TokenizerError } from './errors.ts';
import { packTexts, type Strings } from './packed-texts.ts';
import { checkProbes, HASH_SEED, hashByte, type TokenTable } from './token-table.ts';

const KEY = 'tokenizer.ggml.merges';
const SPACE = 0x20;

/** Fields of one slot: left symbol + 1 (0: free), right symbol, rank, merged symbol. */
const FIELDS = 4;

/** Looks up merges by their two symbols. */
export class Merges {
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Bytes of the symbols that are not tokens, from `table.size` on. */
  readonly #extras: Uint8Array[] = [];
  readonly #extraIds = new Map<string, number>();
  readonly #table: TokenTable;

  /**
   * @param merges each "left right"; a lower index is preferred
   * @throws TokenizerError if an entry is not two texts with a space between, or entries collide too often
   */
  constructor(table: TokenTable, merges: Strings) {
    let capacity = 16;
    while (capacity < merges.length * 1.5) capacity *= 2;
    this.#table = table;
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(capacity * FIELDS);
    const slots = this.#slots;
    const { bytes, offsets } = packTexts(merges);
    // Removing the space turns "left right" into the text of the merged symbol, in place.
    for (let rank = 0; rank < merges.length; rank++) {
      const start = offsets[rank];
      const end = offsets[rank + 1] - 1;
      let space = start + 1;
      while (space <= end && bytes[space] !== SPACE) space++;
      if (space > end) {
        throw new TokenizerError(`${KEY}: entry ${rank} has no space between two texts: convert the model again`, KEY);
      }
      let hash = HASH_SEED;
      for (let i = start; i < space; i++) hash = hashByte(hash, bytes[i]);
      const left = this.#symbol(bytes, start, space, hash);
      let rightHash = HASH_SEED;
      for (let i = space; i < end; i++) {
        const byte = (bytes[i] = bytes[i + 1]);
        hash = hashByte(hash, byte);
        rightHash = hashByte(rightHash, byte);
      }
      const right = this.#symbol(bytes, space, end, rightHash);
      const slot = this.#slot(left, right);
      checkProbes((slot / FIELDS - home(left, right)) & this.#mask, KEY, rank);
      // The first of two equal entries counts.
      if (slots[slot] !== 0) continue;
      slots[slot] = left + 1;
      slots[slot + 1] = right;
      slots[slot + 2] = rank;
      slots[slot + 3] = this.#symbol(bytes, start, end, hash);
    }
  }

  /** The slot of the merge of two symbols, for `rank` and `merged`; -1 if they do not merge. */
  find(left: number, right: number): number {
    const slot = this.#slot(left, right);
    return this.#slots[slot] === 0 ? -1 : slot;
  }

  rank(place: number): number {
    return this.#slots[place + 2];
  }

  /** The symbol that the merge produces. */
  merged(place: number): number {
    return this.#slots[place + 3];
  }

  /** The symbol of a text, or -1 if it is neither a token nor in a merge. */
  symbol(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#table.find(bytes, start, end);
    return id >= 0 || this.#extras.length === 0 ? id : (this.#extraIds.get(latin1(bytes, start, end)) ?? -1);
  }

  /** The text of a symbol that is not a token. */
  extra(symbol: number): Uint8Array {
    return this.#extras[symbol - this.#table.size];
  }

  #symbol(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const id = this.#table.findHashed(hash, bytes, start, end);
    if (id >= 0) return id;
    const text = latin1(bytes, start, end);
    let extra = this.#extraIds.get(text);
    if (extra === undefined) {
      extra = this.#table.size + this.#extras.length;
      this.#extraIds.set(text, extra);
      this.#extras.push(bytes.slice(start, end));
    }
    return extra;
  }

  #slot(left: number, right: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let at = home(left, right) & mask; ; at = (at + 1) & mask) {
      const slot = at * FIELDS;
      const entry = slots[slot];
      if (entry === 0 || (entry === left + 1 && slots[slot + 1] === right)) return slot;
    }
  }
}

/** The first slot to search for a pair, before masking. */
function home(left: number, right: number): number {
  const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77);
  return hash ^ (hash >>> 15);
}

/** Bytes that are appended to a string at a time: a string that grows by single characters takes 32 bytes for each. */
const PIECE = 4096;

/** A string with one character for each byte, used as a key. */
function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i += PIECE) {
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(i, Math.min(end, i + PIECE)));
  }
  return text;
}
