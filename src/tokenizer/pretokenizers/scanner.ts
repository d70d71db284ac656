/**
 * @file The parts of pre-tokenizers: character classes as bit masks, and scanners that split a text at the matches of a rule.
 *
 * llama.cpp states its pre-tokenizers as regular expressions. Here each is a function that returns the end of a
 * match at a given position. All take linear time for any text.
 */
import { CATEGORY_MASK, codePointFlags, flagsOf, WHITESPACE } from '../unicode/code-points.ts';
import { codePointAt, utf8Length } from '../utf8.ts';

/** Receives one piece, `bytes[start, end)`. */
export type Emit = (start: number, end: number) => void;

/** Splits `bytes[start, end)` into pieces that cover it, in order. */
export type Splitter = (bytes: Uint8Array, start: number, end: number, emit: Emit) => void;

/** The end of the match that begins at `pos`, or `pos` if there is none. Reads nothing from `end` on. */
export type Match = (bytes: Uint8Array, pos: number, end: number) => number;

/** Character classes. Each character has exactly one, except CR and LF, which have `NEWLINE` and `SPACE`. */
export const LETTER = 1;
export const NUMBER = 2;
export const MARK = 4;
export const PUNCTUATION = 8;
export const SYMBOL = 16;
export const SPACE = 32;
/** Control and format characters, private use, unassigned code points. */
export const OTHER = 64;
export const NEWLINE = 128;

/** Class by category and whitespace bit, the low four bits of `codePointFlags`. All separators are whitespace. */
const classes = Uint8Array.of(OTHER, NUMBER, LETTER, OTHER, MARK, PUNCTUATION, SYMBOL, OTHER, ...Array(8).fill(SPACE));
const FLAG_BITS = CATEGORY_MASK | WHITESPACE;

const ascii: Uint8Array = Uint8Array.from({ length: 128 }, (_, c) => classes[flagsOf(c) & FLAG_BITS]);
ascii[0x0a] |= NEWLINE;
ascii[0x0d] |= NEWLINE;

/** The class of the character that begins at `bytes[pos]`. */
export function classAt(bytes: Uint8Array, pos: number): number {
  const lead = bytes[pos];
  return lead < 0x80 ? ascii[lead] : classes[codePointFlags()[codePointAt(bytes, pos)] & FLAG_BITS];
}

/** The end of the run of characters with a class in `mask` that begins at `pos`. */
export function runEnd(bytes: Uint8Array, pos: number, end: number, mask: number): number {
  while (pos < end) {
    const lead = bytes[pos];
    if (lead < 0x80) {
      if ((ascii[lead] & mask) === 0) return pos;
      pos++;
    } else {
      if ((classAt(bytes, pos) & mask) === 0) return pos;
      pos += utf8Length(lead);
    }
  }
  return pos;
}

/** Splits at the matches; the text between two matches also becomes a piece. */
export function scanner(match: Match): Splitter {
  return (bytes, start, end, emit) => {
    let done = start;
    for (let pos = start; pos < end; ) {
      const to = match(bytes, pos, end);
      if (to === pos) {
        pos += utf8Length(bytes[pos]);
        continue;
      }
      if (done < pos) emit(done, pos);
      emit(pos, to);
      done = pos = to;
    }
    if (done < end) emit(done, end);
  };
}

/** Splits the pieces of each splitter with the next one. */
export function chain(...splitters: readonly Splitter[]): Splitter {
  return splitters.reduceRight((rest, first) => (bytes, start, end, emit) => {
    first(bytes, start, end, (from, to) => rest(bytes, from, to, emit));
  });
}
