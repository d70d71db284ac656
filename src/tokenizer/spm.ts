/**
 * @file SentencePiece BPE (Llama, Mistral, Gemma): merges characters, best score first, as long as the result is a token.
 *
 * The reference merges over the whole text. This implementation first splits before each U+2581 whose left neighbour
 * precedes U+2581 in no token. No merge can cross such a position, so the result is the same, and words can be cached.
 */
import { TokenizerError } from './errors.ts';
import { PairHeap } from './pair-heap.ts';
import { PieceCache } from './piece-cache.ts';
import { byteTokenText, escapeSpaces, SPACE_MARK, unescapeSpaces } from './pieces.ts';
import type { TextModel } from './text-model.ts';
import { codePointAt, utf8Length } from './utf8.ts';
import type { Vocab } from './vocab.ts';

/** Words with more characters use a queue; shorter ones scan all pairs for each merge. */
const FEW = 40;
/** Buffers for longer words are not reused. */
const KEPT = 1 << 16;

/** The SPM algorithm over one vocabulary. */
export class Spm implements TextModel {
  readonly #vocab: Vocab;
  readonly #cache = new PieceCache();
  readonly #heap = new PairHeap();
  /** Characters that precede U+2581 in a token. */
  readonly #joinsMark: ReadonlySet<number>;
  /** Token of each byte, or -1. */
  readonly #byteTokens = new Int32Array(256);
  #buffers = new Buffers(256);

  constructor(vocab: Vocab) {
    this.#vocab = vocab;
    this.#joinsMark = charactersBeforeMark(vocab);
    for (let byte = 0; byte < 256; byte++) {
      const name = byteTokenText(byte);
      const id = vocab.table.find(name, 0, name.length);
      this.#byteTokens[byte] = id >= 0 ? id : vocab.table.find(Uint8Array.of(byte), 0, 1);
    }
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    const text = escapeSpaces(bytes, start, end, this.#vocab.addSpacePrefix);
    let word = 0;
    let before = -1;
    for (let i = 0; i < text.length; ) {
      const c = codePointAt(text, i);
      if (c === SPACE_MARK && i > word && !this.#joinsMark.has(before)) {
        this.#word(text, word, i, out);
        word = i;
      }
      before = c;
      i += utf8Length(text[i]);
    }
    this.#word(text, word, text.length, out);
    if (this.#buffers.size > KEPT) this.#buffers = new Buffers(256);
  }

  piece(id: number): Uint8Array {
    return unescapeSpaces(this.#vocab.textBytes(id));
  }

  #word(text: Uint8Array, start: number, end: number, out: number[]): void {
    const place = this.#cache.place(text, start, end);
    if (place >= 0 && this.#cache.read(place, text, start, end, out)) return;
    const before = out.length;
    this.#merge(text, start, end, out);
    if (place >= 0) this.#cache.write(place, text, start, end, out, before);
  }

  #merge(text: Uint8Array, start: number, end: number, out: number[]): void {
    if (this.#buffers.size < end - start + 1) this.#buffers = new Buffers(2 * (end - start + 1));
    const { ids, starts } = this.#buffers;
    let count = 0;
    for (let i = start; i < end; count++) {
      const next = i + utf8Length(text[i]);
      starts[count] = i;
      ids[count] = this.#vocab.table.find(text, i, next);
      i = next;
    }
    starts[count] = end;
    if (count <= FEW) this.#mergeFew(text, count, out);
    else this.#mergeMany(text, count, out);
  }

  #mergeFew(text: Uint8Array, count: number, out: number[]): void {
    const { ids, starts, pairs } = this.#buffers;
    const { scores } = this.#vocab;
    for (let i = 0; i + 1 < count; i++) pairs[i] = this.#find(text, starts[i], starts[i + 2]);
    while (count > 1) {
      let best = -1;
      for (let i = 0; i + 1 < count; i++) {
        if (pairs[i] >= 0 && (best < 0 || scores[pairs[i]] > scores[pairs[best]])) best = i;
      }
      if (best < 0) break;
      ids[best] = pairs[best];
      count--;
      for (let i = best + 1; i <= count; i++) {
        ids[i] = ids[i + 1];
        starts[i] = starts[i + 1];
        pairs[i] = pairs[i + 1];
      }
      if (best > 0) pairs[best - 1] = this.#find(text, starts[best - 1], starts[best + 1]);
      if (best + 1 < count) pairs[best] = this.#find(text, starts[best], starts[best + 2]);
    }
    for (let i = 0; i < count; i++) this.#emit(text, starts[i], starts[i + 1], ids[i], out);
  }

  #mergeMany(text: Uint8Array, count: number, out: number[]): void {
    const { ids, starts, pairs, next, previous } = this.#buffers;
    const { scores } = this.#vocab;
    const heap = this.#heap;
    const queue = (left: number) => {
      const right = next[left];
      pairs[left] = right < count ? this.#find(text, starts[left], starts[next[right]]) : -1;
      if (pairs[left] >= 0) heap.push(-scores[pairs[left]], left);
    };
    for (let i = 0; i <= count; i++) {
      previous[i] = i - 1;
      next[i] = i + 1;
    }
    for (let i = 0; i + 1 < count; i++) queue(i);
    pairs[count - 1] = -1;
    while (heap.size > 0) {
      const left = heap.position;
      const { key } = heap;
      heap.pop();
      if (pairs[left] < 0 || -scores[pairs[left]] !== key) continue;
      const right = next[left];
      ids[left] = pairs[left];
      pairs[right] = -1;
      next[left] = next[right];
      previous[next[right]] = left;
      queue(left);
      if (previous[left] >= 0) queue(previous[left]);
    }
    for (let i = 0; i < count; i = next[i]) this.#emit(text, starts[i], starts[next[i]], ids[i], out);
  }

  #find(text: Uint8Array, start: number, end: number): number {
    return end - start > this.#vocab.table.maxLength ? -1 : this.#vocab.table.find(text, start, end);
  }

  /** Appends a symbol; a character without a token becomes byte tokens. */
  #emit(text: Uint8Array, start: number, end: number, id: number, out: number[]): void {
    if (id >= 0) {
      out.push(id);
      return;
    }
    for (let i = start; i < end; i++) {
      const token = this.#byteTokens[text[i]];
      if (token < 0) {
        const character = String.fromCodePoint(codePointAt(text, start));
        throw new TokenizerError(
          `the vocabulary has neither a token for ${JSON.stringify(character)} nor <0x${text[i].toString(16).toUpperCase()}> for its bytes`,
        );
      }
      out.push(token);
    }
  }
}

function charactersBeforeMark(vocab: Vocab): Set<number> {
  const { bytes, offsets } = vocab.table;
  const found = new Set<number>();
  for (let id = 0; id < vocab.nTokens; id++) {
    const start = offsets[id];
    for (let i = start + 1; i + 2 < offsets[id + 1]; i++) {
      if (bytes[i] !== 0xe2 || bytes[i + 1] !== 0x96 || bytes[i + 2] !== 0x81) continue;
      let before = i - 1;
      while (before > start && (bytes[before] & 0xc0) === 0x80) before--;
      found.add(codePointAt(bytes, before));
    }
  }
  return found;
}

/** Working memory for the symbols of one word. */
class Buffers {
  readonly size: number;
  /** Token of each symbol, or -1. */
  readonly ids: Int32Array;
  /** Start of each symbol; one more entry than symbols. */
  readonly starts: Int32Array;
  /** Token that each symbol makes with its right neighbour, or -1. */
  readonly pairs: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;

  constructor(size: number) {
    this.size = size;
    this.ids = new Int32Array(size);
    this.starts = new Int32Array(size);
    this.pairs = new Int32Array(size);
    this.next = new Int32Array(size);
    this.previous = new Int32Array(size);
  }
}
