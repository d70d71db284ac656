/**
 * @file Reads UTF-8 as the reference does: length from the high nibble of the lead byte, continuation bytes checked only by pattern.
 */

/** Length of the character that begins with `lead`; a stray continuation byte counts as one. */
export function utf8Length(lead: number): number {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/**
 * The code point at `bytes[i]`, which must be the start of well-formed UTF-8 (as from `TextEncoder`).
 * Its length is `utf8Length(bytes[i])`.
 */
export function codePointAt(bytes: Uint8Array, i: number): number {
  const lead = bytes[i];
  if (lead < 0x80) return lead;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | (bytes[i + 1] & 0x3f);
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | ((bytes[i + 1] & 0x3f) << 6) | (bytes[i + 2] & 0x3f);
  return ((lead & 0x07) << 18) | ((bytes[i + 1] & 0x3f) << 12) | ((bytes[i + 2] & 0x3f) << 6) | (bytes[i + 3] & 0x3f);
}

/** Writes `c` as UTF-8 at `into[i]` and returns the index after it. */
export function writeCodePoint(into: Uint8Array, i: number, c: number): number {
  if (c < 0x80) {
    into[i++] = c;
  } else if (c < 0x800) {
    into[i++] = 0xc0 | (c >> 6);
    into[i++] = 0x80 | (c & 0x3f);
  } else if (c < 0x10000) {
    into[i++] = 0xe0 | (c >> 12);
    into[i++] = 0x80 | ((c >> 6) & 0x3f);
    into[i++] = 0x80 | (c & 0x3f);
  } else {
    into[i++] = 0xf0 | (c >> 18);
    into[i++] = 0x80 | ((c >> 12) & 0x3f);
    into[i++] = 0x80 | ((c >> 6) & 0x3f);
    into[i++] = 0x80 | (c & 0x3f);
  }
  return i;
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of `text`; unpaired surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of UTF-8 bytes; malformed sequences become U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/**
 * Bytes of the character at `bytes[at]`, or 0 if no character begins there or `end` truncates it. Checks only the pattern of
 * lead and continuation bytes.
 */
export function validLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  if (lead < 0xc0 || lead >= 0xf8) return 0;
  const length = utf8Length(lead);
  if (at + length > end) return 0;
  for (let i = 1; i < length; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 0;
  return length;
}
