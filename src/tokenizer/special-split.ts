/**
 * @file Splits a text at the special tokens that it contains literally, before any other step.
 *
 * The rule is llama.cpp's: take candidates by length, longest first; split at every occurrence of one, from left to
 * right, before trying the next. This implementation finds the longest candidate at each position in one pass. The same
 * rule then decides between those that overlap, and a position that loses its candidate gets the longest one that still
 * fits. So runs of newlines, for which some vocabularies have a token of each length, cost no more than other text.
 */
import { SortedTexts } from './sorted-texts.ts';
import { Attribute, type Vocab } from './vocab.ts';

/** A special token found in the text. `bytes[start, end)` includes whitespace that belongs to the token. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

/** Finds the tokens of one vocabulary that split a text. */
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
    const excluded = parseSpecial ? 0 : special;
    const { attributes } = vocab;
    for (let id = 0; id < attributes.length; id++) {
      if ((attributes[id] & wanted) !== 0 && (attributes[id] & excluded) === 0) ids.push(id);
    }
    this.#vocab = vocab;
    this.#texts = new SortedTexts(vocab.table, ids);
  }

  /** The special tokens in `text[0, length)`, in order. */
  split(text: Uint8Array, length: number): Cut[] {
    const texts = this.#texts;
    if (texts.size === 0) return [];
    const bySize: Candidate[][] = [];
    let id = -1;
    let size = 0;
    const keep = (found: number, n: number) => {
      id = found;
      size = n;
    };
    /** Adds the longest candidate of `text[start, end)` that begins at `start`. */
    const offer = (start: number, end: number) => {
      id = -1;
      texts.walk(text, start, end, keep);
      if (id >= 0) (bySize[size] ??= []).push({ start, id });
    };
    for (let start = 0; start < length; start++) if (texts.begins(text[start])) offer(start, length);
    return bySize.length === 0 ? [] : this.#choose(text, length, bySize, offer);
  }

  /** Chooses candidates that do not overlap an earlier choice: longest first, then by id, then from left to right. */
  #choose(
    text: Uint8Array,
    length: number,
    bySize: readonly (readonly Candidate[])[],
    offer: (start: number, end: number) => void,
  ): Cut[] {
    const taken = new Uint8Array(length);
    const cuts: Cut[] = [];
    for (let size = bySize.length - 1; size > 0; size--) {
      const candidates = bySize[size]?.toSorted((a, b) => a.id - b.id || a.start - b.start) ?? [];
      for (const { start: first, id } of candidates) {
        let start = first;
        let end = start + size;
        if (taken[start]) continue;
        // Earlier choices are at least as long, so one that overlaps covers the start or the end.
        if (taken[end - 1]) {
          let free = start + 1;
          while (!taken[free]) free++;
          offer(start, free);
          continue;
        }
        if (this.#vocab.has(id, Attribute.stripLeft)) {
          while (start > 0 && !taken[start - 1] && isSpace(text[start - 1])) start--;
        }
        if (this.#vocab.has(id, Attribute.stripRight)) {
          while (end < length && !taken[end] && isSpace(text[end])) end++;
        }
        taken.fill(1, start, end);
        cuts.push({ start, end, id });
      }
    }
    return cuts.sort((a, b) => a.start - b.start);
  }
}

/** A position and the token that may be there; all candidates of a list have its length. */
interface Candidate {
  readonly start: number;
  readonly id: number;
}

/** `isspace` of the C locale. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
