/**
 * @file Cuts a text at the special tokens that stand in it literally, before anything else looks at it.
 *
 * The rule is llama.cpp's: candidates are taken by length, longest first; each is cut out wherever it stands, from left to right,
 * before the next is looked at. Here all places are found in one pass and the same rule then decides between those that overlap.
 */
import { Attribute, type Vocab } from './vocab.ts';

/** A special token found in the text. `bytes[start, end)` includes whitespace that the token swallows. */
export interface Cut {
  start: number;
  end: number;
  readonly id: number;
}

interface Match {
  readonly start: number;
  readonly length: number;
  readonly id: number;
}

/** Finds the tokens of one vocabulary that are cut out of texts. */
export class SpecialSplitter {
  readonly #vocab: Vocab;
  /** Candidates in the order of their bytes. */
  readonly #ids: Int32Array;
  /** Candidates that begin with byte b are `#ids[#first[b], #first[b + 1])`. */
  readonly #first: Int32Array;

  /**
   * @param parseSpecial whether control and unknown tokens are candidates; user-defined ones always are
   */
  constructor(vocab: Vocab, parseSpecial: boolean) {
    const { bytes, offsets } = vocab.table;
    const wanted = parseSpecial ? Attribute.control | Attribute.userDefined | Attribute.unknown : Attribute.userDefined;
    const unwanted = parseSpecial ? 0 : Attribute.control | Attribute.unknown;
    const ids: number[] = [];
    for (let id = 0; id < vocab.nTokens; id++) {
      const attributes = vocab.attributes[id];
      if (attributes & wanted && !(attributes & unwanted)) ids.push(id);
    }
    ids.sort((a, b) => {
      const end = Math.min(offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]);
      for (let i = 0; i < end; i++) {
        const order = bytes[offsets[a] + i] - bytes[offsets[b] + i];
        if (order !== 0) return order;
      }
      return offsets[a + 1] - offsets[a] - (offsets[b + 1] - offsets[b]);
    });
    this.#vocab = vocab;
    this.#ids = Int32Array.from(ids);
    this.#first = new Int32Array(257);
    for (const id of ids) this.#first[bytes[offsets[id]] + 1]++;
    for (let b = 0; b < 256; b++) this.#first[b + 1] += this.#first[b];
  }

  /** The special tokens in `text[0, length)`, in order. */
  split(text: Uint8Array, length: number): Cut[] {
    const matches: Match[] = [];
    const first = this.#first;
    let overlap = false;
    let end = 0;
    if (this.#ids.length > 0) {
      for (let i = 0; i < length; i++) {
        const b = text[i];
        if (first[b] === first[b + 1]) continue;
        const before = matches.length;
        this.#matchesAt(text, i, length, matches);
        if (matches.length === before) continue;
        overlap ||= i < end || matches.length > before + 1;
        end = Math.max(end, i + matches[matches.length - 1].length);
      }
    }
    if (matches.length === 0) return [];
    if (overlap) matches.sort((a, b) => b.length - a.length || a.id - b.id || a.start - b.start);
    else matches.sort((a, b) => b.length - a.length || a.start - b.start);
    return this.#choose(text, length, matches);
  }

  /** Appends every candidate that stands at `text[at]`, shortest first. */
  #matchesAt(text: Uint8Array, at: number, length: number, matches: Match[]): void {
    const { bytes, offsets } = this.#vocab.table;
    const ids = this.#ids;
    let low = this.#first[text[at]];
    let high = this.#first[text[at] + 1];
    for (let depth = 1; low < high; depth++) {
      const id = ids[low];
      if (offsets[id + 1] - offsets[id] === depth) {
        matches.push({ start: at, length: depth, id });
        low++;
      }
      if (at + depth >= length) return;
      const next = text[at + depth];
      low = lowerBound(ids, low, high, (i) => bytes[offsets[i] + depth] >= next);
      high = lowerBound(ids, low, high, (i) => bytes[offsets[i] + depth] > next);
    }
  }

  /** Of matches in the order of preference, those that do not touch an earlier choice. */
  #choose(text: Uint8Array, length: number, matches: readonly Match[]): Cut[] {
    const taken = new Uint8Array(length);
    const cuts: Cut[] = [];
    for (const match of matches) {
      let { start } = match;
      let end = start + match.length;
      // Earlier choices are at least as long, so one that overlaps covers an end of this match.
      if (taken[start] || taken[end - 1]) continue;
      if (this.#vocab.has(match.id, Attribute.stripLeft)) {
        while (start > 0 && !taken[start - 1] && isSpace(text[start - 1])) start--;
      }
      if (this.#vocab.has(match.id, Attribute.stripRight)) {
        while (end < length && !taken[end] && isSpace(text[end])) end++;
      }
      taken.fill(1, start, end);
      cuts.push({ start, end, id: match.id });
    }
    return cuts.sort((a, b) => a.start - b.start);
  }
}

/** `isspace` of the C locale. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** The first index in `[low, high)` whose id passes `test`, or `high`; ids that pass come after those that do not. */
function lowerBound(ids: Int32Array, low: number, high: number, test: (id: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (test(ids[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
