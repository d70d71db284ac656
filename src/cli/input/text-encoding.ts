/**
 * @file Decodes a user's file: a byte order mark determines the encoding, which is UTF-8 by default. Invalid bytes are an error
 * with their position.
 */
import { loneSurrogate } from '../../engine/inputs/well-formed.ts';
import { describeFormat, HEAD_BYTES } from '../../gguf/index.ts';
import { UsageError } from '../usage-error.ts';

/** A supported encoding. */
export interface TextEncoding {
  readonly name: 'UTF-8' | 'UTF-16LE' | 'UTF-16BE';
  /** Bytes of the byte order mark; 0 if there is none. */
  readonly markLength: number;
  /** Bytes of a code unit. */
  readonly unit: 1 | 2;
}

/** Bytes that `detectEncoding` needs, unless the text is shorter. */
export const DETECTED_BYTES = 4;

const UTF8: TextEncoding = { name: 'UTF-8', markLength: 0, unit: 1 };

/**
 * Detects the encoding of a text from its first bytes.
 * @throws UsageError for UTF-32 and for UTF-16 without a byte order mark; the message begins with `source`
 */
export function detectEncoding(start: Uint8Array, source: string): TextEncoding {
  const [a, b, c, d] = start;
  if (a === 0xef && b === 0xbb && c === 0xbf) return { ...UTF8, markLength: 3 };
  if (a === 0xff && b === 0xfe && c === 0 && d === 0) throw isUnreadable(source, 'UTF-32LE');
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) throw isUnreadable(source, 'UTF-32BE');
  if (a === 0xff && b === 0xfe) return { name: 'UTF-16LE', markLength: 2, unit: 2 };
  if (a === 0xfe && b === 0xff) return { name: 'UTF-16BE', markLength: 2, unit: 2 };
  if (start.length >= DETECTED_BYTES) {
    // Two ASCII characters of 16 bits: the best indication of UTF-16 without a mark.
    if (a !== 0 && b === 0 && c !== 0 && d === 0) throw isUnreadable(source, 'UTF-16LE without a byte order mark');
    if (a === 0 && b !== 0 && c === 0 && d !== 0) throw isUnreadable(source, 'UTF-16BE without a byte order mark');
  }
  return UTF8;
}

/** Decodes `bytes`, which have no byte order mark, or returns the position of the first invalid byte. */
export function decodeText(bytes: Uint8Array, { name, unit }: TextEncoding): { text: string } | { invalidAt: number } {
  if (unit === 1) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    const invalidAt = invalidUtf8(text, bytes);
    return invalidAt === undefined ? { text } : { invalidAt };
  }
  if (bytes.length % 2 !== 0) return { invalidAt: bytes.length - 1 };
  const units = Buffer.from(bytes);
  const text = (name === 'UTF-16BE' ? units.swap16() : units).toString('utf16le');
  const lone = loneSurrogate(text);
  return lone === undefined ? { text } : { invalidAt: 2 * lone };
}

/**
 * The text of a complete file or stream, without its byte order mark.
 * @throws UsageError that names `source` if it is not text
 */
export function decodeWhole(bytes: Uint8Array, source: string): string {
  const format = describeBinary(bytes);
  if (format !== undefined) throw new UsageError(`${source} is not text: it is ${format}`);
  const encoding = detectEncoding(bytes.subarray(0, DETECTED_BYTES), source);
  const decoded = decodeText(bytes.subarray(encoding.markLength), encoding);
  if ('text' in decoded) return decoded.text;
  throw new UsageError(
    `${source} is not ${encoding.name} text: byte ${encoding.markLength + decoded.invalidAt} does not begin a character (save it as UTF-8)`,
  );
}

/**
 * The format of a file that begins like a known binary format and soon contains control characters or invalid UTF-8;
 * `undefined` for other files, because a text may begin with the letters of a format.
 */
export function describeBinary(bytes: Uint8Array): string | undefined {
  const head = bytes.subarray(0, HEAD_BYTES);
  const isBinary =
    head.some((byte) => byte < 0x09) || new TextDecoder().decode(head, { stream: true }).includes('\ufffd');
  return isBinary ? describeFormat(head, 'text') : undefined;
}

/** The position of the first byte sequence that the decoder replaced. */
function invalidUtf8(text: string, bytes: Uint8Array): number | undefined {
  let at = 0;
  let from = 0;
  for (;;) {
    const next = text.indexOf('\ufffd', from);
    if (next < 0) return undefined;
    at += Buffer.byteLength(text.slice(from, next));
    if (!(bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd)) return at;
    at += 3;
    from = next + 1;
  }
}

function isUnreadable(source: string, name: string): UsageError {
  return new UsageError(`${source} is ${name}, which is not supported: save it as UTF-8`);
}
