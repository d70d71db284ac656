/**
 * @file Converts between bytes and token texts: U+2581 is a space, `<0xHH>` a byte.
 */
import { fromUtf8, utf8, writeCodePoint } from './utf8.ts';

/** Stands for a space in token texts. */
export const SPACE_MARK = 0x2581;

/** The text with every U+2581 replaced by a space. */
export function unescapeSpaces(text: Uint8Array): Uint8Array {
  const out = new Uint8Array(text.length);
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === 0xe2 && text[i + 1] === 0x96 && text[i + 2] === 0x81) {
      out[n++] = 0x20;
      i += 2;
    } else {
      out[n++] = text[i];
    }
  }
  return out.subarray(0, n);
}

/** `bytes[start, end)` with every space replaced by U+2581, in a new array; `prefix` adds one in front. */
export function escapeSpaces(bytes: Uint8Array, start: number, end: number, prefix = false): Uint8Array {
  let spaces = prefix ? 1 : 0;
  for (let i = start; i < end; i++) if (bytes[i] === 0x20) spaces++;
  const out = new Uint8Array(end - start + (prefix ? 1 : 0) + 2 * spaces);
  let n = 0;
  if (prefix) n = writeCodePoint(out, n, SPACE_MARK);
  for (let i = start; i < end; i++) {
    if (bytes[i] === 0x20) {
      n = writeCodePoint(out, n, SPACE_MARK);
    } else {
      out[n++] = bytes[i];
    }
  }
  return out;
}

/** The text of a byte token: `<0x0A>`. */
export function byteTokenText(byte: number): Uint8Array {
  return utf8(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
}

/** The byte of a byte token, or `undefined` if its text is not `<0xHH>`. */
export function byteOfToken(text: Uint8Array): number | undefined {
  const match = /^<0x([0-9A-Fa-f]{2})>$/.exec(fromUtf8(text));
  return match ? Number.parseInt(match[1], 16) : undefined;
}
