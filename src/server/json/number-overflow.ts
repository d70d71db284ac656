/**
 * @file Finds a number in a JSON text that exceeds the range of doubles. The parsed value is not enough: JavaScript reads such
 * a number as infinity, and for a repeated key it keeps only the last value.
 */

/** Every number outside the range of doubles matches this. Many numbers in range and parts of strings match, too. */
const CANDIDATE = /[eE]\+?\d{3}|\d{200}/g;
/** A number literal. The pattern is sticky. */
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** A character of a number literal. */
const IN_NUMBER = /[-+.\deE]/;
/** Maximum number of characters of a key or a number in a message. */
const MAX_SHOWN = 40;

/** A number that exceeds the range of doubles. */
export interface Overflow {
  /** Its literal, cut after 40 characters. */
  readonly number: string;
  /** Its path, such as `$.input[0]`. */
  readonly path: string;
}

/**
 * Finds the first number that exceeds the range of doubles; `undefined` if there is none. Takes time linear in the text's length.
 * @param text valid JSON
 */
export function findOverflow(text: string): Overflow | undefined {
  // The scan has read everything before `outside`. `quote` is the start of the next string, which lies after `outside` or at infinity.
  let outside = 0;
  let quote = nextQuote(text, 0);
  CANDIDATE.lastIndex = 0;
  for (let found = CANDIDATE.exec(text); found !== null; found = CANDIDATE.exec(text)) {
    const at = found.index;
    while (quote < at) {
      outside = endOfString(text, quote);
      quote = nextQuote(text, outside);
    }
    if (outside <= at) {
      let begin = at;
      while (begin > outside && IN_NUMBER.test(text[begin - 1])) begin--;
      NUMBER.lastIndex = begin;
      const number = NUMBER.exec(text)![0];
      if (!Number.isFinite(Number(number))) return { number: shorten(number), path: pathTo(text, begin) };
      outside = begin + number.length;
    }
    CANDIDATE.lastIndex = Math.max(outside, at + 1);
  }
  return undefined;
}

function nextQuote(text: string, from: number): number {
  const at = text.indexOf('"', from);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

/** Index after the closing quote of the string that starts at `open`. */
function endOfString(text: string, open: number): number {
  for (let end = open; ; ) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let nBackslashes = 0;
    while (text[end - 1 - nBackslashes] === '\\') nBackslashes++;
    if (nBackslashes % 2 === 0) return end + 1;
  }
}

/** The path of the value that starts at `target`. */
function pathTo(text: string, target: number): string {
  const path: (string | number)[] = [];
  let lastString = '';
  for (let at = 0; at < target; at++) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      lastString =
        end - at > MAX_SHOWN ? shorten(text.slice(at + 1, at + 1 + MAX_SHOWN + 1)) : text.slice(at + 1, end - 1);
      at = end - 1;
    } else if (char === '[') path.push(0);
    else if (char === '{') path.push('');
    else if (char === ']' || char === '}') path.pop();
    else if (char === ':') path[path.length - 1] = lastString;
    else if (char === ',') {
      const last = path[path.length - 1];
      if (typeof last === 'number') path[path.length - 1] = last + 1;
    }
  }
  const step = (part: string | number) =>
    typeof part === 'number' ? `[${part}]` : /^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `["${part}"]`;
  return `$${path.map(step).join('')}`;
}

function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
