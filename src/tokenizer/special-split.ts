/**
 * @file Cuts a text at the special tokens that stand in it literally, before anything else looks at it.
 *
 * The rule is llama.cpp's: candidates are taken by length, longest first; each is cut out wherever it stands, from left to right,
 * before the next is looked at. Here all places are found in one pass and the same rule then decides between those that overlap.
 */
import { SortedTexts } from './sorted-texts.ts';
import { Attribute, type Vocab } from './vocab.ts';

/** A special token found in the text. `bytes[start, end)` includes whitespace that the token swallows. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

/** Finds the tokens of one vocabulary that are cut out of texts. */
export class SpecialSplitter {
  readonly #vocab: Vocab;
  readonly #texts: SortedTexts;

  /**
   * @param parseSpecial whether control and unknown tokens are candidates; user-defined ones always are
   */
  constructor(vocab: Vocab, parseSpecial: boolean) {
    const special = Attribute.control | Attribute.unknown;
    const wanted = parseSpecial ? special | Attribute.userDefined : Attribute.userDefined;
    const ids: number[] = [];
    for (let id = 0; id < vocab.nTokens; id++) {
      if (vocab.has(id, wanted) && (parseSpecial || !vocab.has(id, special))) ids.push(id);
    }
    this.#vocab = vocab;
    this.#texts = new SortedTexts(vocab.table, ids);
  }

  /** The special tokens in `text[0, length)`, in order. */
  split(text: Uint8Array, length: number): Cut[] {
    const texts = this.#texts;
    const matches: Cut[] = [];
    if (texts.size === 0) return matches;
    for (let start = 0; start < length; start++) {
      if (!texts.begins(text[start])) continue;
      texts.walk(text, start, length, (id, size) => matches.push({ start, end: start + size, id }));
    }
    if (matches.length === 0) return matches;
    matches.sort((a, b) => b.end - b.start - (a.end - a.start) || a.id - b.id || a.start - b.start);
    return this.#choose(text, length, matches);
  }

  /** Of matches in the order of preference, those that do not touch an earlier choice. */
  #choose(text: Uint8Array, length: number, matches: readonly Cut[]): Cut[] {
    const taken = new Uint8Array(length);
    const cuts: Cut[] = [];
    for (const match of matches) {
      let { start, end } = match;
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
