/**
 * @file Unigram (T5, XLM-R): finds the tokenization with the best sum of scores.
 *
 * If no token continues past U+2581 and no sum of scores is rounded, words are tokenized separately and cached: the best
 * tokenization of a word does not depend on the text before it.
 */

import { PieceCache } from './piece-cache.ts';
import { unescapeSpaces } from './pieces.ts';
import { NOTHING, PrefixFilter, TOKEN } from './prefix-filter.ts';
import type { TextModel } from './text-model.ts';
import { HASH_SEED, hashByte } from './token-table.ts';
import type { UnigramNormalizer } from './unigram-normalizer.ts';
import { utf8Length } from './utf8.ts';
import { TokenType, type Vocab } from './vocab.ts';

/** Added to the lowest score for a character without a token. */
const UNKNOWN_PENALTY = -10;
/** Buffers for more bytes are not reused. */
const KEPT = 1 << 16;

/** The Unigram algorithm over one vocabulary. */
export class Unigram implements TextModel {
  readonly #vocab: Vocab;
  readonly #normalizer: UnigramNormalizer;
  readonly #prefixes: PrefixFilter;
  readonly #unk: number;
  readonly #unknownScore: number;
  readonly #cache = new PieceCache();
  /** Fragments up to this length are tokenized word by word: no token crosses a word, and no sum of scores is rounded. */
  readonly #wordwiseBytes: number;
  #buffers = new Buffers(1024);
  #lastUnknown = false;

  constructor(vocab: Vocab, normalizer: UnigramNormalizer, unk: number) {
    this.#vocab = vocab;
    this.#normalizer = normalizer;
    this.#prefixes = new PrefixFilter(vocab.table, (id) => isMatched(vocab.types[id]));
    this.#unk = unk;
    let lowest = 3.4028234663852886e38;
    for (let id = 0; id < vocab.nTokens; id++) {
      if (vocab.types[id] === TokenType.normal && vocab.scores[id] < lowest) lowest = vocab.scores[id];
    }
    this.#unknownScore = Math.fround(lowest + UNKNOWN_PENALTY);
    this.#wordwiseBytes = crossesWords(vocab) ? 0 : exactSumLength(vocab, this.#unknownScore);
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    const length = this.#normalizer.normalize(bytes, start, end);
    const text = this.#normalizer.bytes;
    this.#lastUnknown = false;
    if (length > this.#wordwiseBytes) {
      this.#viterbi(text, 0, length, out);
      return;
    }
    for (let at = 0; at < length; ) {
      // Walks by characters, as over the whole text: a malformed one may include the bytes of a mark.
      let next = at;
      do next += utf8Length(text[next]);
      while (next < length && !isSpaceMark(text, next));
      next = Math.min(next, length);
      this.#word(text, at, next, out);
      at = next;
    }
  }

  /** Appends the tokens of one word, from the cache if it has them. */
  #word(text: Uint8Array, start: number, end: number, out: number[]): void {
    const place = this.#cache.place(text, start, end);
    if (place < 0) {
      this.#viterbi(text, start, end, out);
      return;
    }
    const before = out.length;
    const afterUnknown = this.#lastUnknown;
    if (!this.#cache.read(place, text, start, end, out)) {
      this.#lastUnknown = false;
      this.#viterbi(text, start, end, out);
      this.#cache.write(place, text, start, end, out, before);
    }
    this.#lastUnknown = out[out.length - 1] === this.#unk;
    if (afterUnknown && out[before] === this.#unk) out.splice(before, 1);
  }

  piece(id: number): Uint8Array {
    return unescapeSpaces(this.#vocab.textBytes(id));
  }

  /**
   * Walks over `text[from, length)` once. Where every token found so far has ended, all paths meet: the tokens before are
   * decided and appended. Sums continue across such positions, so that they round as over the whole text.
   */
  #viterbi(text: Uint8Array, from: number, length: number, out: number[]): void {
    const { table, types, scores } = this.#vocab;
    const prefixes = this.#prefixes;
    const longest = table.maxLength;
    let buffers = this.#buffers;
    /** Index 0 of the buffers is this position in the text. */
    let base = from;
    buffers.restart(0);
    for (let at = from; at < length; ) {
      if (base + buffers.reach === at && at > base) {
        this.#collect(at - base, out);
        buffers.restart(buffers.best[at - base]);
        base = at;
      }
      const size = Math.min(utf8Length(text[at]), length - at);
      const most = Math.min(length, at + Math.max(longest, 4));
      if (most - base >= buffers.size) this.#buffers = buffers = buffers.grown(2 * (most - base + 1));
      const start = at - base;
      const sum = buffers.best[start];
      let spelled = false;
      let hash = HASH_SEED;
      for (let end = at; end < most; ) {
        hash = hashByte(hash, text[end++]);
        // A token that ends inside a character is on no path.
        if (end < length && (text[end] & 0xc0) === 0x80) continue;
        const seen = prefixes.look(hash);
        if (seen === NOTHING) break;
        if ((seen & TOKEN) === 0) continue;
        const id = table.findHashed(hash, text, at, end);
        if (id < 0 || !isMatched(types[id])) continue;
        if (end - at === size) spelled = true;
        buffers.offer(start, end - base, id, sum + (types[id] === TokenType.userDefined ? 0 : scores[id]));
      }
      if (!spelled) buffers.offer(start, at + size - base, this.#unk, sum + this.#unknownScore);
      at += size;
    }
    this.#collect(length - base, out);
    if (this.#buffers.size > KEPT) this.#buffers = new Buffers(1024);
  }

  /** Appends the tokens of the best path to index `end`; consecutive unknown tokens count as one. */
  #collect(end: number, out: number[]): void {
    const { ids, starts, path } = this.#buffers;
    let n = 0;
    for (let i = end; i > 0; i = starts[i]) path[n++] = ids[i];
    while (n > 0) {
      const id = path[--n];
      const unknown = id === this.#unk;
      if (!unknown || !this.#lastUnknown) out.push(id);
      this.#lastUnknown = unknown;
    }
  }
}

/** Whether tokens of this type are matched in texts. */
function isMatched(type: number): boolean {
  return type === TokenType.normal || type === TokenType.userDefined || type === TokenType.unused;
}

/** Whether U+2581 begins at `at`. */
function isSpaceMark(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xe2 && bytes[at + 1] === 0x96 && bytes[at + 2] === 0x81;
}

/** Whether a token continues past a space mark, so that words cannot be tokenized separately. */
function crossesWords({ table, types }: Vocab): boolean {
  const { bytes, offsets, size } = table;
  for (let id = 0; id < size; id++) {
    for (let i = offsets[id] + 1; i + 2 < offsets[id + 1]; i++) {
      if (isSpaceMark(bytes, i) && isMatched(types[id])) return true;
    }
  }
  return false;
}

/**
 * Longest text in bytes for which every sum of scores is exact in double precision, so that sums from the beginning of a
 * word compare like sums from the beginning of the text. All scores must be multiples of one power of two.
 */
function exactSumLength({ scores, types, nTokens }: Vocab, unknownScore: number): number {
  const value = new Float32Array(1);
  const bits = new Int32Array(value.buffer);
  let largest = 0;
  let exponent = 127;
  for (let id = -1; id < nTokens; id++) {
    if (id >= 0 && !isMatched(types[id])) continue;
    value[0] = id < 0 ? unknownScore : scores[id];
    const biased = (bits[0] >>> 23) & 0xff;
    if (value[0] === 0) continue;
    if (biased === 0 || biased === 0xff) return 0;
    largest = Math.max(largest, Math.abs(value[0]));
    const mantissa = (bits[0] & 0x7fffff) | 0x800000;
    exponent = Math.min(exponent, biased - 150 + (31 - Math.clz32(mantissa & -mantissa)));
  }
  return largest === 0 ? Number.MAX_SAFE_INTEGER : Math.floor(2 ** (53 + exponent) / largest);
}

/** Working memory for one range of text, with an entry for each position between two bytes. */
class Buffers {
  readonly size: number;
  /** Best sum of scores up to here. */
  readonly best: Float64Array;
  /** The token that ends here on the best path, and its start. */
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly path: Int32Array;
  /** Positions up to here have an entry. */
  reach = 0;

  constructor(size: number) {
    this.size = size;
    this.best = new Float64Array(size);
    this.ids = new Int32Array(size);
    this.starts = new Int32Array(size);
    this.path = new Int32Array(size);
  }

  /** Begins a range; `sum` is the best one up to its first position. */
  restart(sum: number): void {
    this.best[0] = sum;
    this.reach = 0;
  }

  /** A token from `start` to `end`; on a tie the earlier offer stays. */
  offer(start: number, end: number, id: number, sum: number): void {
    while (this.reach < end) this.best[++this.reach] = -Infinity;
    if (sum > this.best[end]) {
      this.best[end] = sum;
      this.ids[end] = id;
      this.starts[end] = start;
    }
  }

  /** A larger copy. */
  grown(size: number): Buffers {
    const larger = new Buffers(size);
    larger.best.set(this.best);
    larger.ids.set(this.ids);
    larger.starts.set(this.starts);
    larger.reach = this.reach;
    return larger;
  }
}
