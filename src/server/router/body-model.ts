/**
 * @file Finds the field `model` of a body without parsing large bodies completely.
 */
import { Buffer } from 'node:buffer';
import { Turn } from '../../turn.ts';
import { parseFields } from '../json/fields.ts';

/** Larger bodies are searched, smaller ones parsed. */
const LARGE = 1 << 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * The value of `model` in a body; `undefined` if it has none.
 * @param type content type of the body
 * @throws HttpError for a small body that is not JSON, and for a form that cannot be read
 */
export async function bodyModel(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<unknown> {
  if (bytes.length <= LARGE || /^\s*multipart\/form-data/i.test(type)) return (await parseFields(bytes, type)).model;
  return searchModel(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** The last string under the key `model` of the outermost object. The handler refuses a body that is not JSON. */
async function searchModel(bytes: Buffer): Promise<string | undefined> {
  const turn = new Turn();
  let found: string | undefined;
  let depth = 0;
  for (let at = 0; at < bytes.length; ) {
    if (turn.isOver) await turn.pass();
    // Long arrays of numbers have no strings, so this checks the clock at each string and after a number of bytes.
    for (const end = Math.min(bytes.length, at + LARGE); at < end && bytes[at] !== QUOTE; at++) {
      const byte = bytes[at];
      if (byte === 0x7b || byte === 0x5b) depth++;
      else if (byte === 0x7d || byte === 0x5d) depth--;
    }
    if (bytes[at] !== QUOTE) continue;
    const end = endOfString(bytes, at);
    const isKey = depth === 1 && bytes[skipSpace(bytes, end)] === COLON;
    if (!isKey || textOf(bytes, at, end) !== 'model') {
      at = end;
      continue;
    }
    at = skipSpace(bytes, skipSpace(bytes, end) + 1);
    if (bytes[at] !== QUOTE) found = undefined;
    else {
      const endOfValue = endOfString(bytes, at);
      found = textOf(bytes, at, endOfValue);
      at = endOfValue;
    }
  }
  return found;
}

/** The index after the string that begins at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; ; at++) {
    at = bytes.indexOf(QUOTE, at);
    if (at < 0) return bytes.length;
    let nBackslashes = 0;
    while (bytes[at - 1 - nBackslashes] === BACKSLASH) nBackslashes++;
    if (nBackslashes % 2 === 0) return at + 1;
  }
}

function skipSpace(bytes: Buffer, at: number): number {
  while ([0x20, 0x09, 0x0a, 0x0d].includes(bytes[at])) at++;
  return at;
}

/** The text of a string literal; `undefined` if it is not one, or is too long for a name. */
function textOf(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start > LARGE) return undefined;
  try {
    return String(JSON.parse(bytes.toString('utf8', start, end)));
  } catch {
    return undefined;
  }
}
