/**
 * @file Unigram (T5, XLM-R): of all ways to spell a text with tokens, the one with the best sum of scores.
 */

import { unescapeSpaces } from './pieces.ts';
import { NOTHING, PrefixFilter, TOKEN } from './prefix-filter.ts';
import type { TextModel } from './text-model.ts';
import { HASH_SEED, hashByte } from './token-table.ts';
import type { UnigramNormalizer } from './unigram-normalizer.ts';
import { utf8Length } from './utf8.ts';
import { TokenType, type Vocab } from './vocab.ts';

/** Added to the lowest score for a character that no token spells. */
const UNKNOWN_PENALTY = -10;
/** Buffers for more bytes than this are not kept. */
const KEPT = 1 << 16;

/** The Unigram algorithm over one vocabulary. */
export class Unigram implements TextModel {
  readonly #vocab: Vocab;
  readonly #normalizer: UnigramNormalizer;
  readonly #prefixes: PrefixFilter;
  readonly #unk: number;
  readonly #unknownScore: number;
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
  }

  encode(bytes: Uint8Array, start: number, end: number, _afterSpecial: boolean, out: number[]): void {
    const length = this.#normalizer.normalize(bytes, start, end);
    this.#lastUnknown = false;
    this.#viterbi(this.#normalizer.bytes, length, out);
  }

  piece(id: number): Uint8Array {
    return unescapeSpaces(this.#vocab.textBytes(id));
  }

  /**
   * Walks over the text once. Where every token found so far has ended, all ways meet: what lies before is decided, and its tokens are
   * appended. Sums go on across such places, so that they round as if the text were one.
   */
  #viterbi(text: Uint8Array, length: number, out: number[]): void {
    const { table, types, scores } = this.#vocab;
    const prefixes = this.#prefixes;
    const longest = table.maxLength;
    let buffers = this.#buffers;
    /** Index 0 of the buffers is this place in the text. */
    let base = 0;
    buffers.restart(0);
    for (let at = 0; at < length; ) {
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
        // A token that ends inside of a character is part of no way.
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

  /** Appends the tokens of the best way to index `end`; several unknown ones in a row count as one. */
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

/** Whether tokens of this type are looked for in texts. */
function isMatched(type: number): boolean {
  return type === TokenType.normal || type === TokenType.userDefined || type === TokenType.unused;
}

/** Working memory of one stretch of text, an entry for each place between two bytes. */
class Buffers {
  readonly size: number;
  /** Best sum of scores up to here. */
  readonly best: Float64Array;
  /** The token that ends here on the best way, and where it begins. */
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly path: Int32Array;
  /** Places up to here have an entry. */
  reach = 0;

  constructor(size: number) {
    this.size = size;
    this.best = new Float64Array(size);
    this.ids = new Int32Array(size);
    this.starts = new Int32Array(size);
    this.path = new Int32Array(size);
  }

  /** Begins a stretch; `sum` is the best one up to its first place. */
  restart(sum: number): void {
    this.best[0] = sum;
    this.reach = 0;
  }

  /** A token from `start` to `end`; an earlier offer with the same sum stays. */
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
