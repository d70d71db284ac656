/**
 * @file Finds token ids by their bytes: all texts end to end in one buffer, and an open-addressing hash over them.
 *
 * A quarter of a million tokens fit in a few typed arrays; no strings are created.
 */

import { TokenizerError } from './errors.ts';

/**
 * Slots that a search may probe in a half-full hash table. Real vocabularies stay below a hundred; more means entries that
 * were chosen to collide, for which the table would take quadratic time.
 */
const MAX_PROBES = 512;

/**
 * Refuses an entry that is too far from the slot of its hash.
 * @param key the metadata key that holds the entries
 * @throws TokenizerError
 */
export function checkProbes(probes: number, key: string, index: number): void {
  if (probes <= MAX_PROBES) return;
  throw new TokenizerError(
    `${key}: entry ${index} shares its hash with more than ${MAX_PROBES} others, which no real vocabulary does: the file is damaged or malicious`,
    key,
  );
}

/** FNV-1a over bytes; callers that extend a text byte by byte pass the value on. */
export const HASH_SEED = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;

/** The hash of a text followed by `byte`, given the hash of the text. */
export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, HASH_PRIME);
}

/** The hash of `bytes[start, end)`. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_SEED;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], HASH_PRIME);
  return hash;
}

/** The first slot to search for a hash, before masking. */
function home(hash: number): number {
  return hash ^ (hash >>> 15);
}

/** Texts end to end: text i is `bytes[offsets[i], offsets[i + 1])`. */
export interface TokenTexts {
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
}

/** The hash table over texts. */
export interface TextIndex {
  /** Of each text. */
  readonly hashes: Int32Array;
  /** Ids + 1, 0 where free. Their number is a power of two. */
  readonly slots: Int32Array;
  /** 1 if a text has this length in bytes; from 0 to the length of the longest. */
  readonly lengths: Uint8Array;
  /** The first pair of ids with the same text, if any. */
  readonly duplicate: readonly [first: number, second: number] | undefined;
}

/** Slots of a hash table of `n` texts. */
export function hashCapacity(n: number): number {
  let capacity = 16;
  while (capacity < 2 * n) capacity *= 2;
  return capacity;
}

/** @throws TokenizerError if texts collide too often */
export function indexTexts({ bytes, offsets }: TokenTexts): TextIndex {
  const n = offsets.length - 1;
  const slots = new Int32Array(hashCapacity(n));
  const hashes = new Int32Array(n);
  const mask = slots.length - 1;
  let maxLength = 0;
  let duplicate: [number, number] | undefined;
  // One loop without calls, which the engine compiles soon: most of the time is spent before that.
  for (let id = 0, start = offsets[0], end = 0; id < n; id++, start = end) {
    end = offsets[id + 1];
    const length = end - start;
    if (length > maxLength) maxLength = length;
    let hash = HASH_SEED;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], HASH_PRIME);
    hashes[id] = hash;
    const first = (hash ^ (hash >>> 15)) & mask;
    let slot = first;
    for (let entry = slots[slot]; entry !== 0; entry = slots[slot]) {
      if (hashes[entry - 1] === hash && offsets[entry] - offsets[entry - 1] === length) {
        let i = 0;
        for (let at = offsets[entry - 1]; i < length && bytes[at + i] === bytes[start + i]; ) i++;
        if (i === length) break;
      }
      slot = (slot + 1) & mask;
    }
    const probes = (slot - first) & mask;
    if (probes > MAX_PROBES) checkProbes(probes, 'tokenizer.ggml.tokens', id);
    if (slots[slot] === 0) slots[slot] = id + 1;
    else duplicate ??= [slots[slot] - 1, id];
  }
  const lengths = new Uint8Array(maxLength + 1);
  for (let id = 0; id < n; id++) lengths[offsets[id + 1] - offsets[id]] = 1;
  return { hashes, slots, lengths, duplicate };
}

/** The texts of tokens 0, 1, 2… and the lookup from text to id. */
export class TokenTable implements TokenTexts {
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
  /** As in `TextIndex`. */
  readonly lengths: Uint8Array;
  /** Length in bytes of the longest text. */
  readonly maxLength: number;
  readonly #hashes: Int32Array;
  readonly #slots: Int32Array;
  readonly #mask: number;

  constructor({ bytes, offsets }: TokenTexts, { hashes, slots, lengths }: TextIndex) {
    this.bytes = bytes;
    this.offsets = offsets;
    this.lengths = lengths;
    this.maxLength = lengths.length - 1;
    this.#hashes = hashes;
    this.#slots = slots;
    this.#mask = slots.length - 1;
  }

  /** Number of texts. */
  get size(): number {
    return this.offsets.length - 1;
  }

  /** The id of the token whose text is `bytes[start, end)`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.findHashed(hashBytes(bytes, start, end), bytes, start, end);
  }

  /** As `find`, for a caller that already has the hash. */
  findHashed(hash: number, bytes: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#slot(hash, bytes, start, end)] - 1;
  }

  /** The slot that holds this text, or the empty slot for it. */
  #slot(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const mask = this.#mask;
    const slots = this.#slots;
    const hashes = this.#hashes;
    const offsets = this.offsets;
    let slot = home(hash) & mask;
    for (let entry: number; (entry = slots[slot]) !== 0; slot = (slot + 1) & mask) {
      const id = entry - 1;
      if (hashes[id] !== hash) continue;
      const at = offsets[id];
      if (offsets[entry] - at !== length) continue;
      let i = 0;
      while (i < length && this.bytes[at + i] === bytes[start + i]) i++;
      if (i === length) return slot;
    }
    return slot;
  }
}
