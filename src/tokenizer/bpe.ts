/**
 * @file Byte-pair encoding: splits the text into pieces and, in each piece, repeatedly merges the two neighbours with the
 * lowest rank.
 */
import { letterOfByte, lettersToBytes } from './byte-letters.ts';
import type { Merges } from './merges.ts';
import { PairHeap } from './pair-heap.ts';
import { PieceCache } from './piece-cache.ts';
import { byteTokenText, escapeSpaces, unescapeSpaces } from './pieces.ts';
import type { PreTokenizer } from './pretokenizers/table.ts';
import type { TextModel } from './text-model.ts';
import { utf8, utf8Length, writeCodePoint } from './utf8.ts';
import type { Vocab } from './vocab.ts';

/** Pieces with more symbols use a queue; shorter ones scan all pairs for each merge. */
const FEW = 40;
/** Buffers for longer pieces are not reused. */
const KEPT = 1 << 16;
/** The rank of two neighbours that do not merge. */
const NEVER = 0x7fffffff;

/** The BPE algorithm over one vocabulary. */
export class Bpe implements TextModel {
  readonly #vocab: Vocab;
  readonly #merges: Merges;
  readonly #pre: PreTokenizer;
  readonly #cache = new PieceCache();
  readonly #heap = new PairHeap();
  /** Symbol of each byte in GPT-2's letters, or -1 - byte. */
  readonly #byteSymbols = new Int32Array(256);
  /** The token of each byte of a text that has no token, or -1 for none. */
  readonly #fallback = new Int32Array(256);
  #buffers = new Buffers(256);
  #encoded: Uint8Array = new Uint8Array(256);
  /** The text that is being encoded. */
  #bytes: Uint8Array = new Uint8Array(0);
  #out: number[] = [];

  constructor(vocab: Vocab, merges: Merges, pre: PreTokenizer) {
    this.#vocab = vocab;
    this.#merges = merges;
    this.#pre = pre;
    const letter = new Uint8Array(4);
    for (let byte = 0; byte < 256; byte++) {
      const symbol = merges.symbol(letter, 0, writeCodePoint(letter, 0, letterOfByte[byte]));
      this.#byteSymbols[byte] = symbol >= 0 ? symbol : -1 - byte;
      const name = pre.plainText ? byteTokenText(byte) : Uint8Array.of(byte);
      this.#fallback[byte] = vocab.table.find(name, 0, name.length);
    }
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    if (this.#pre.escapeWhitespaces) {
      bytes = escapeSpaces(bytes, start, end);
      start = 0;
      end = bytes.length;
    }
    this.#bytes = bytes;
    this.#out = out;
    this.#pre.split(bytes, start, end, this.#piece);
    this.#out = [];
    if (this.#buffers.size > KEPT) this.#buffers = new Buffers(256);
  }

  piece(id: number): Uint8Array {
    const text = this.#vocab.textBytes(id);
    if (this.#pre.plainText) return unescapeSpaces(text);
    return lettersToBytes(text, id);
  }

  /** Appends the ids of one piece, from the cache if it has them. */
  readonly #piece = (start: number, end: number): void => {
    const bytes = this.#bytes;
    const out = this.#out;
    const place = this.#cache.place(bytes, start, end);
    if (place >= 0 && this.#cache.read(place, bytes, start, end, out)) return;
    const before = out.length;
    this.#encodePiece(start, end);
    if (place >= 0) this.#cache.write(place, bytes, start, end, out, before);
  };

  #encodePiece(start: number, end: number): void {
    if (this.#pre.ignoreMerges || (this.#pre.wholeNewlines && this.#bytes[start] === 0x0a)) {
      const whole = this.#wholeToken(start, end);
      if (whole >= 0) {
        this.#out.push(whole);
        return;
      }
    }
    if (this.#buffers.size < end - start) this.#buffers = new Buffers(2 * (end - start));
    const count = this.#pre.plainText ? this.#readCharacters(start, end) : this.#readBytes(start, end);
    if (count <= FEW) this.#mergeFew(count);
    else this.#mergeMany(count);
  }

  /** The token whose text is the whole piece, or -1. */
  #wholeToken(start: number, end: number): number {
    const { table } = this.#vocab;
    if (end - start > table.maxLength) return -1;
    if (this.#pre.plainText) return table.find(this.#bytes, start, end);
    if (this.#encoded.length < 2 * (end - start)) this.#encoded = new Uint8Array(4 * (end - start));
    let n = 0;
    for (let i = start; i < end; i++) n = writeCodePoint(this.#encoded, n, letterOfByte[this.#bytes[i]]);
    return table.find(this.#encoded, 0, n);
  }

  /** Makes each byte of the piece a symbol. */
  #readBytes(start: number, end: number): number {
    const { symbols } = this.#buffers;
    for (let i = start; i < end; i++) symbols[i - start] = this.#byteSymbols[this.#bytes[i]];
    return end - start;
  }

  /** Makes each character of the piece a symbol; an unknown one is -1 - its position. */
  #readCharacters(start: number, end: number): number {
    const { symbols } = this.#buffers;
    let count = 0;
    for (let i = start; i < end; ) {
      const next = i + utf8Length(this.#bytes[i]);
      const symbol = this.#merges.symbol(this.#bytes, i, next);
      symbols[count++] = symbol >= 0 ? symbol : -1 - i;
      i = next;
    }
    return count;
  }

  #mergeFew(count: number): void {
    const { symbols, ranks } = this.#buffers;
    for (let i = 0; i + 1 < count; i++) ranks[i] = this.#rank(symbols[i], symbols[i + 1]);
    while (count > 1) {
      let best = 0;
      for (let i = 1; i + 1 < count; i++) if (ranks[i] < ranks[best]) best = i;
      if (ranks[best] === NEVER) break;
      symbols[best] = this.#merged(symbols[best], symbols[best + 1]);
      count--;
      for (let i = best + 1; i < count; i++) {
        symbols[i] = symbols[i + 1];
        ranks[i] = ranks[i + 1];
      }
      if (best > 0) ranks[best - 1] = this.#rank(symbols[best - 1], symbols[best]);
      if (best + 1 < count) ranks[best] = this.#rank(symbols[best], symbols[best + 1]);
    }
    for (let i = 0; i < count; i++) this.#emit(symbols[i]);
  }

  #mergeMany(count: number): void {
    const { symbols, ranks, next, previous } = this.#buffers;
    const heap = this.#heap;
    const queue = (left: number, right: number) => {
      const rank = this.#rank(symbols[left], symbols[right]);
      ranks[left] = rank;
      if (rank !== NEVER) heap.push(rank, left);
    };
    for (let i = 0; i < count; i++) {
      previous[i] = i - 1;
      next[i] = i + 1;
      if (i + 1 < count) queue(i, i + 1);
    }
    ranks[count - 1] = NEVER;
    while (heap.size > 0) {
      const left = heap.position;
      const stale = ranks[left] !== heap.key;
      heap.pop();
      if (stale) continue;
      const right = next[left];
      const after = next[right];
      symbols[left] = this.#merged(symbols[left], symbols[right]);
      ranks[right] = NEVER;
      ranks[left] = NEVER;
      next[left] = after;
      if (after < count) {
        previous[after] = left;
        queue(left, after);
      }
      if (previous[left] >= 0) queue(previous[left], left);
    }
    for (let i = 0; i < count; i = next[i]) this.#emit(symbols[i]);
  }

  #rank(left: number, right: number): number {
    const place = this.#merges.find(left, right);
    return place < 0 ? NEVER : this.#merges.rank(place);
  }

  #merged(left: number, right: number): number {
    return this.#merges.merged(this.#merges.find(left, right));
  }

  /** Appends the id of a symbol; a symbol without an id is split into bytes, and a byte without a token is dropped. */
  #emit(symbol: number): void {
    if (symbol >= 0 && symbol < this.#vocab.nTokens) {
      this.#out.push(symbol);
      return;
    }
    for (const byte of this.#textWithoutToken(symbol)) {
      if (this.#fallback[byte] >= 0) this.#out.push(this.#fallback[byte]);
    }
  }

  #textWithoutToken(symbol: number): Uint8Array {
    if (symbol >= 0) return this.#merges.extra(symbol);
    const at = -1 - symbol;
    if (!this.#pre.plainText) return utf8(String.fromCharCode(letterOfByte[at]));
    return this.#bytes.subarray(at, at + utf8Length(this.#bytes[at]));
  }
}

/** Working memory for the symbols of one piece. */
class Buffers {
  readonly size: number;
  readonly symbols: Int32Array;
  /** Rank of each symbol with its right neighbour. */
  readonly ranks: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;

  constructor(size: number) {
    this.size = size;
    this.symbols = new Int32Array(size);
    this.ranks = new Int32Array(size);
    this.next = new Int32Array(size);
    this.previous = new Int32Array(size);
  }
}
