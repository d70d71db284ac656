/**
 * @file The tables of a vocabulary, as `token-table.ts` and `load-vocab.ts` make them, in one pass over the file's bytes. JavaScript takes ten
 * times as long before it is compiled, and a vocabulary is read once.
 */

/** As in `token-table.ts`. */
const SEED: u32 = 0x811c9dc5, PRIME: u32 = 0x01000193;
const MAX_PROBES: u32 = 512;

/** What `pack` has found. */
let longest: u32 = 0;
/** What `index` has found: the first pair of ids with the same text, or −1. */
let first: i32 = -1, second: i32 = -1;

export function longestText(): u32 { return longest; }
export function firstEqual(): i32 { return first; }
export function secondEqual(): i32 { return second; }

/**
 * Moves texts together and computes their hashes.
 * @param offsets 0, then for each text where it ends in `bytes`; here they become where it ends after the move
 * @param bytes for each text, 8 bytes of length and its bytes
 * @returns 1 if a text is empty, else 0
 */
export function pack(n: u32, offsets: usize, bytes: usize, hashes: usize): i32 {
  let to = bytes, from = bytes, most: u32 = 0, empty = 0;
  for (let i: u32 = 0; i < n; i++) {
    offsets += 4;
    const end = bytes + <usize>load<u32>(offsets), start = to;
    let hash = SEED;
    for (from += 8; from < end; from++, to++) {
      const byte = <u32>load<u8>(from);
      store<u8>(to, byte);
      hash = (hash ^ byte) * PRIME;
    }
    const length = <u32>(to - start);
    if (length > most) most = length;
    if (length == 0) empty = 1;
    store<u32>(offsets, <u32>(to - bytes));
    store<u32>(hashes, hash);
    hashes += 4;
  }
  longest = most;
  return empty;
}

/**
 * Fills an open-addressing hash table of id + 1, and marks the lengths that texts have.
 * @param slots mask + 1 words
 * @param lengths `longestText() + 1` bytes
 * @returns the id of a text that is too far from the slot of its hash, or −1
 */
export function index(n: u32, offsets: usize, bytes: usize, hashes: usize, slots: usize, mask: u32, lengths: usize): i32 {
  memory.fill(slots, 0, (<usize>mask + 1) << 2);
  memory.fill(lengths, 0, <usize>longest + 1);
  first = second = -1;
  for (let id: u32 = 0; id < n; id++) {
    const own = offsets + (<usize>id << 2), start = load<u32>(own), length = load<u32>(own, 4) - start;
    store<u8>(lengths + length, 1);
    const hash = load<u32>(hashes + (<usize>id << 2));
    const home = (hash ^ (hash >> 15)) & mask;
    let slot = home, entry: u32;
    while ((entry = load<u32>(slots + (<usize>slot << 2))) != 0) {
      const other = <usize>(entry - 1) << 2;
      if (load<u32>(hashes + other) == hash) {
        const at = load<u32>(offsets + other);
        if (load<u32>(offsets + other, 4) - at == length && memory.compare(bytes + at, bytes + start, length) == 0) break;
      }
      slot = (slot + 1) & mask;
    }
    if (((slot - home) & mask) > MAX_PROBES) return id;
    if (entry == 0) store<u32>(slots + (<usize>slot << 2), id + 1);
    else if (first < 0) { first = entry - 1; second = id; }
  }
  return -1;
}

/**
 * The types of tokens in one byte, and their attributes.
 * @param values int32 of the file; those that are no type count as 0
 * @param attributeOf a byte for each type
 */
export function classify(n: u32, values: usize, last: u32, attributeOf: usize, types: usize, attributes: usize): void {
  for (let i: usize = 0; i < <usize>n; i++) {
    const value = load<u32>(values + (i << 2)), type = value <= last ? value : 0;
    store<u8>(types + i, type);
    store<u8>(attributes + i, load<u8>(attributeOf + type));
  }
}

/** Adds `bits` to the attributes of tokens that have one of `among` and whose text contains the text at `word`. */
export function mark(n: u32, offsets: usize, bytes: usize, attributes: usize, among: u32, word: usize, length: u32, bits: u32): void {
  for (let id: usize = 0; id < <usize>n; id++) {
    const known = <u32>load<u8>(attributes + id);
    if ((known & among) == 0) continue;
    const own = offsets + (id << 2), end = bytes + load<u32>(own, 4);
    for (let at = bytes + load<u32>(own); at + length <= end; at++) {
      if (memory.compare(at, word, length) != 0) continue;
      store<u8>(attributes + id, known | bits);
      break;
    }
  }
}
