/**
 * @file How runs of whitespace are split; most pre-tokenizers share these rules.
 */
import { utf8Length } from '../utf8.ts';
import { classAt, NEWLINE, SPACE, type Splitter } from './scanner.ts';

/** How newlines split a run of whitespace. */
export type NewlineRule =
  /** They do not: `\s+(?!\S)|\s+`. */
  | 'none'
  /** A piece goes up to the last newline of the run: `\s*[\r\n]+`. */
  | 'last'
  /** A newline that begins a piece is a piece: `[\r\n]`. */
  | 'single';

/**
 * The end of the piece of whitespace that begins at `pos`, which must be a whitespace character. If text follows the run,
 * its last character is left for the next piece, unless it is the only one.
 */
export function spacesEnd(bytes: Uint8Array, pos: number, end: number, newlines: NewlineRule): number {
  if (newlines === 'single' && classAt(bytes, pos) & NEWLINE) return pos + 1;
  let last = pos;
  let to = pos;
  let afterNewline = pos;
  while (to < end) {
    const kind = classAt(bytes, to);
    if ((kind & SPACE) === 0) break;
    last = to;
    to += utf8Length(bytes[to]);
    if (kind & NEWLINE) afterNewline = to;
  }
  if (newlines === 'last' && afterNewline > pos) return afterNewline;
  return to < end && last > pos ? last : to;
}

/** Splits a run of whitespace that does not end with a newline into pieces of 512, 256… 2, 1 characters (Jais 2). */
export const powersOfTwo: Splitter = (bytes, start, end, emit) => {
  if ((classAt(bytes, start) & SPACE) === 0 || classAt(bytes, end - 1) & NEWLINE) {
    emit(start, end);
    return;
  }
  let left = 0;
  for (let i = start; i < end; i += utf8Length(bytes[i])) {
    if ((classAt(bytes, i) & SPACE) === 0) {
      emit(start, end);
      return;
    }
    left++;
  }
  for (let pos = start, size = 512; left > 0; size = Math.max(1, size >> 1)) {
    for (; left >= size; left -= size) {
      const from = pos;
      for (let i = 0; i < size; i++) pos += utf8Length(bytes[pos]);
      emit(from, pos);
    }
  }
};
