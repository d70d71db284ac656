/**
 * @file Rules for single characters: a run of a class, one of a class, an optional character before a match.
 */
import { codePointAt, utf8Length } from '../utf8.ts';
import { classAt, type Match, SPACE } from './scanner.ts';

/**
 * Whether a character belongs to a class of the rule.
 * @param c its code point; U+000B for whitespace beyond ASCII, which is what llama.cpp passes to its expressions
 * @param kind its class bits
 */
export type Test = (c: number, kind: number) => boolean;

/** Matches characters by their class bits. */
export function ofClass(mask: number): Test {
  return (_, kind) => (kind & mask) !== 0;
}

/** Matches characters in one of the ranges, which include both ends and may overlap. */
export function inRanges(ranges: readonly (readonly [from: number, to: number])[]): Test {
  const sorted: [from: number, to: number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = sorted.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else sorted.push([from, to]);
  }
  return (c) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle][1] < c) low = middle + 1;
      else high = middle;
    }
    return low < sorted.length && sorted[low][0] <= c;
  };
}

/** Matches the character at `pos` if it belongs to the class. */
export function one(test: Test): Match {
  return (bytes, pos) => {
    const kind = classAt(bytes, pos);
    const c = bytes[pos] >= 0x80 && kind & SPACE ? 0x0b : codePointAt(bytes, pos);
    return test(c, kind) ? pos + utf8Length(bytes[pos]) : pos;
  };
}

/** Matches as many characters of the class as possible. */
export function many(test: Test): Match {
  const match = one(test);
  return (bytes, pos, end) => {
    for (let to = pos; pos < end; pos = to) {
      if ((to = match(bytes, pos, end)) === pos) break;
    }
    return pos;
  };
}

/** The rule with or without one character of a class before it. */
export function withOptional(before: Test, match: Match): Match {
  const first = one(before);
  return (bytes, pos, end) => {
    const next = first(bytes, pos, end);
    if (next > pos && next < end) {
      const to = match(bytes, next, end);
      if (to > next) return to;
    }
    return match(bytes, pos, end);
  };
}

/** The first rule that matches. */
export function anyOf(...matches: readonly Match[]): Match {
  return (bytes, pos, end) => {
    for (const match of matches) {
      const to = match(bytes, pos, end);
      if (to > pos) return to;
    }
    return pos;
  };
}
