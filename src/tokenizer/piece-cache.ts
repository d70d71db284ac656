/**
 * @file Caches the tokens of short pieces of text, because most words of a text repeat.
 */
import { hashBytes } from './token-table.ts';

const ENTRIES = 1 << 14;
/** Longest cached piece, in bytes, and most cached tokens for it. */
const MAX_BYTES = 24;
const MAX_IDS = 7;
/** Bytes of one entry: length, then the piece. */
const STRIDE = 1 + MAX_BYTES;

/** A cache of fixed size; a new piece replaces an older one with the same hash. */
export class PieceCache {
  readonly #pieces = new Uint8Array(ENTRIES * STRIDE);
  /** Number of ids, then the ids. */
  readonly #ids = new Int32Array(ENTRIES * (1 + MAX_IDS));

  /** The slot of a piece, or -1 if it is too long to be cached. */
  place(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > MAX_BYTES) return -1;
    const hash = hashBytes(bytes, start, end);
    return (hash ^ (hash >>> 14) ^ (hash >>> 28)) & (ENTRIES - 1);
  }

  /** Appends the ids of the piece if they are cached. */
  read(place: number, bytes: Uint8Array, start: number, end: number, out: number[]): boolean {
    const pieces = this.#pieces;
    const at = place * STRIDE;
    const length = end - start;
    if (pieces[at] !== length) return false;
    for (let i = 0; i < length; i++) if (pieces[at + 1 + i] !== bytes[start + i]) return false;
    const ids = this.#ids;
    const first = place * (1 + MAX_IDS);
    for (let i = first + 1, last = first + ids[first]; i <= last; i++) out.push(ids[i]);
    return true;
  }

  /** Caches the ids from `out[from]` on for the piece. */
  write(place: number, bytes: Uint8Array, start: number, end: number, out: readonly number[], from: number): void {
    const count = out.length - from;
    if (count > MAX_IDS) return;
    const at = place * STRIDE;
    this.#pieces[at] = end - start;
    for (let i = start; i < end; i++) this.#pieces[at + 1 + i - start] = bytes[i];
    const first = place * (1 + MAX_IDS);
    this.#ids[first] = count;
    for (let i = 0; i < count; i++) this.#ids[first + 1 + i] = out[from + i];
  }
}
