/**
 * @file Properties of code points in Unicode 15.1: category, whitespace, simple lowercase, canonical decomposition.
 *
 * llama.cpp has its own tables, and ids must not depend on the Unicode version of the runtime, so this file uses neither
 * RegExp classes nor `toLowerCase`. The tables are unpacked on first use, in about a millisecond.
 */
import { categoryRuns, decompositionPairs, lowercasePairs } from './tables.generated.ts';

/** Top-level general categories. `none` is unassigned code points, `other` is C* without them. */
export const Category = {
  none: 0,
  number: 1,
  letter: 2,
  separator: 3,
  mark: 4,
  punctuation: 5,
  symbol: 6,
  other: 7,
} as const;

/** Bits of `codePointFlags`: the category, then properties. */
export const CATEGORY_MASK = 7;
export const WHITESPACE = 8;
const HAS_LOWERCASE = 16;
const HAS_DECOMPOSITION = 32;

const N_CODE_POINTS = 0x110000;
const HANGUL_FIRST = 0xac00;
const HANGUL_LAST = 0xd7a3;
/** Syllables that share one leading consonant (21 vowels x 28 finals). */
const HANGUL_PER_LEAD = 588;
const HANGUL_LEAD_BASE = 0x1100;

let flags: Uint8Array | undefined;
let lowercase: Map<number, number> | undefined;
let decomposition: Map<number, number> | undefined;

/** One byte for each code point: its category and the property bits. */
export function codePointFlags(): Uint8Array {
  return flags ?? unfold();
}

/** The flags of one code point; ASCII does not need the table. */
export function flagsOf(c: number): number {
  if (c >= 0x80) return codePointFlags()[c];
  if (c === 0x20) return Category.separator | WHITESPACE;
  if (c < 0x20 || c === 0x7f) return c >= 0x09 && c <= 0x0d ? Category.other | WHITESPACE : Category.other;
  if (c >= 0x30 && c <= 0x39) return Category.number;
  if ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a) return Category.letter | (c < 0x60 ? HAS_LOWERCASE : 0);
  return '$+<=>^`|~'.includes(String.fromCharCode(c)) ? Category.symbol : Category.punctuation;
}

/** The simple (one to one) lowercase mapping of `c`, or `c`. */
export function toLowercase(c: number): number {
  if (c < 0x80) return c >= 0x41 && c <= 0x5a ? c + 32 : c;
  if ((codePointFlags()[c] & HAS_LOWERCASE) === 0) return c;
  return lowercase!.get(c)!;
}

/** The first code point of the full canonical decomposition of `c`, or `c`. */
export function firstOfDecomposition(c: number): number {
  if (c < 0x80 || (codePointFlags()[c] & HAS_DECOMPOSITION) === 0) return c;
  if (c >= HANGUL_FIRST && c <= HANGUL_LAST) return HANGUL_LEAD_BASE + Math.floor((c - HANGUL_FIRST) / HANGUL_PER_LEAD);
  return decomposition!.get(c)!;
}

/** Whether WordPiece treats `c` as a CJK ideograph. U+2B820-2B91F is excluded, as in llama.cpp. */
export function isCjkIdeograph(c: number): boolean {
  return (
    (c >= 0x4e00 && c <= 0x9fff) ||
    (c >= 0x3400 && c <= 0x4dbf) ||
    (c >= 0x20000 && c <= 0x2a6df) ||
    (c >= 0x2a700 && c <= 0x2b73f) ||
    (c >= 0x2b740 && c <= 0x2b81f) ||
    (c >= 0x2b920 && c <= 0x2ceaf) ||
    (c >= 0xf900 && c <= 0xfaff) ||
    (c >= 0x2f800 && c <= 0x2fa1f)
  );
}

function unfold(): Uint8Array {
  const table = new Uint8Array(N_CODE_POINTS);
  let c = 0;
  for (const run of numbers(categoryRuns)) {
    const length = run >>> 3;
    if (run & CATEGORY_MASK) table.fill(run & CATEGORY_MASK, c, c + length);
    c += length;
  }
  for (const [from, to] of whitespaceRanges) {
    for (let w = from; w <= to; w++) table[w] |= WHITESPACE;
  }

  lowercase = new Map();
  const lower = numbers(lowercasePairs);
  c = 0;
  for (let i = 0; i < lower.length; i += 2) {
    c += lower[i];
    lowercase.set(c, c + signed(lower[i + 1]));
    table[c] |= HAS_LOWERCASE;
  }

  decomposition = new Map();
  const pairs = numbers(decompositionPairs);
  c = 0;
  let first = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    c += pairs[i];
    first += signed(pairs[i + 1]);
    decomposition.set(c, first);
    table[c] |= HAS_DECOMPOSITION;
  }
  for (let h = HANGUL_FIRST; h <= HANGUL_LAST; h++) table[h] |= HAS_DECOMPOSITION;
  return (flags = table);
}

const whitespaceRanges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
] as const;

const signed = (n: number) => (n & 1 ? -((n + 1) >>> 1) : n >>> 1);

/** Reads one list of the generated file. */
function numbers(text: string): number[] {
  const out: number[] = [];
  let value = 0;
  let shift = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const digit = c >= 97 ? c - 71 : c >= 65 ? c - 65 : c >= 48 ? c + 4 : c === 43 ? 62 : 63;
    value |= (digit & 31) << shift;
    if (digit & 32) {
      shift += 5;
    } else {
      out.push(value);
      value = shift = 0;
    }
  }
  return out;
}
