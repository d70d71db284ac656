/**
 * @file The pre-tokenizers that descend from Llama 3's and GPT-4o's, as one scanner with rules.
 *
 * A rule set represents a regular expression with these alternatives, in this order:
 * contraction | word | numbers | others | whitespace. A word may have one character of another kind before it.
 */
import { utf8Length } from '../utf8.ts';
import { numbers } from './digits.ts';
import { contractionEnd } from './gpt2.ts';
import {
  classAt,
  LETTER,
  MARK,
  type Match,
  NEWLINE,
  NUMBER,
  OTHER,
  PUNCTUATION,
  runEnd,
  SPACE,
  type Splitter,
  SYMBOL,
  scanner,
} from './scanner.ts';
import { type NewlineRule, spacesEnd } from './spaces.ts';

/** The end of a word without its prefix, or `pos`. */
export type Word = Match;

/** One of the regular expressions; the defaults are Llama 3's. */
export interface WordRules {
  /** Contractions (any case) are separate pieces, the end of a word, or not recognised. Default `piece`. */
  readonly contractions?: 'piece' | 'suffix' | 'none';
  /** Kinds of words, in order of preference; each is first tried with a character before it. Default a run of letters. */
  readonly words?: readonly Word[];
  /** Classes that the one character before a word must not have. Default `[^\r\n\p{L}\p{N}]`. */
  readonly notBefore?: number;
  /** An alternative that is tried before all others. */
  readonly first?: Match;
  /** Most digits in a piece; 0 if numbers have no alternative of their own. Default 3. */
  readonly digits?: number;
  /** Classes of characters that are neither word, number nor whitespace. Default `[^\s\p{L}\p{N}]`. */
  readonly others?: number;
  /** What may follow others: `[\r\n]*` (default), `[\r\n/]*`, `[\r\n/]?`, nothing. */
  readonly tail?: 'newlines' | 'newlines and slashes' | 'newline or slash' | 'none';
  /** Default `last`. */
  readonly newlines?: NewlineRule;
}

const REST = MARK | PUNCTUATION | SYMBOL | OTHER;

/** `\p{L}+` */
const letters: Word = (bytes, pos, end) => runEnd(bytes, pos, end, LETTER);

/** `[\p{L}\p{M}]+` */
export const lettersAndMarks: Word = (bytes, pos, end) => runEnd(bytes, pos, end, LETTER | MARK);

/** The splitter of a rule set. */
export function wordScanner(rules: WordRules = {}): Splitter {
  const {
    contractions = 'piece',
    words = [letters],
    notBefore = NEWLINE | LETTER | NUMBER,
    first,
    digits = 3,
    others = REST,
    tail = 'newlines',
    newlines = 'last',
  } = rules;
  const number = numbers(digits);
  const simple = words.length === 1 && words[0] === letters && contractions !== 'suffix';

  return scanner((bytes, pos, end) => {
    if (first) {
      const to = first(bytes, pos, end);
      if (to > pos) return to;
    }
    const byte = bytes[pos];
    const kind = classAt(bytes, pos);
    const next = pos + utf8Length(byte);
    if (byte === 0x27 && contractions === 'piece') {
      const to = contractionEnd(bytes, pos, end, 0x20);
      if (to > pos) return to;
    }
    if (simple && kind & LETTER) return runEnd(bytes, next, end, LETTER);
    const before = (kind & notBefore) === 0;
    for (const word of words) {
      let to = before && next < end ? word(bytes, next, end) : next;
      if (to === next && (to = word(bytes, pos, end)) === pos) continue;
      return contractions === 'suffix' ? contractionEnd(bytes, to, end, 0x20) : to;
    }
    if (kind & NUMBER && digits > 0) return number(bytes, pos, end);
    const from = byte === 0x20 ? next : pos;
    const to = runEnd(bytes, from, end, others);
    if (to > from) return tailEnd(bytes, to, end, tail);
    return kind & SPACE ? spacesEnd(bytes, pos, end, newlines) : pos;
  });
}

/**
 * Words with capitals first, as two alternatives: `U*L+` and `U+L*`, where U is every letter except a-z and L every letter except A-Z (in llama.cpp's
 * approximation of GPT-4o's expression a letter beyond ASCII is both).
 * @param mask the classes that count as letters
 */
export function casedWords(mask: number): readonly Word[] {
  return [
    (bytes, pos, end) => {
      const lower = casedEnd(bytes, pos, end, mask, 0x61);
      if (lower < end && bytes[lower] >= 0x61 && bytes[lower] <= 0x7a) return casedEnd(bytes, lower, end, mask, 0x41);
      // No small letter follows the capitals: the last letter beyond ASCII among them counts as one and ends the word.
      let to = lower;
      while (to > pos && bytes[to - 1] < 0x80) to--;
      return to;
    },
    (bytes, pos, end) => {
      const lower = casedEnd(bytes, pos, end, mask, 0x61);
      return lower === pos ? pos : casedEnd(bytes, lower, end, mask, 0x41);
    },
  ];
}

/** The end of the run of letters, except the 26 from `not` on. */
function casedEnd(bytes: Uint8Array, pos: number, end: number, mask: number, not: number): number {
  while (pos < end) {
    const byte = bytes[pos];
    if ((byte >= not && byte < not + 26) || (classAt(bytes, pos) & mask) === 0) break;
    pos += utf8Length(byte);
  }
  return pos;
}

/** `(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+`: single spaces between words belong to the piece (EXAONE MoE). */
export const phrases: Word = (bytes, pos, end) => {
  if ((classAt(bytes, pos) & LETTER) === 0) return pos;
  while (true) {
    pos = runEnd(bytes, pos, end, LETTER | MARK);
    if (pos + 1 >= end || bytes[pos] !== 0x20 || (classAt(bytes, pos + 1) & LETTER) === 0) return pos;
    pos++;
  }
};

/** An ASCII punctuation mark or symbol and the ASCII letters after it. */
export const asciiMarkedWord: Match = (bytes, pos, end) => {
  if (bytes[pos] >= 0x80 || (classAt(bytes, pos) & (PUNCTUATION | SYMBOL)) === 0) return pos;
  let to = pos + 1;
  while (to < end && (bytes[to] | 0x20) >= 0x61 && (bytes[to] | 0x20) <= 0x7a) to++;
  return to > pos + 1 ? to : pos;
};

function tailEnd(bytes: Uint8Array, pos: number, end: number, tail: WordRules['tail']): number {
  if (tail === 'none') return pos;
  const slash = tail === 'newlines' ? 0x0a : 0x2f;
  const most = tail === 'newline or slash' ? Math.min(pos + 1, end) : end;
  while (pos < most && (bytes[pos] === 0x0a || bytes[pos] === 0x0d || bytes[pos] === slash)) pos++;
  return pos;
}
