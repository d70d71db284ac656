/**
 * @file Reads the percent escapes of URLs. Escapes that are no UTF-8 stay as they are, and so does a `%` that begins none.
 */

/** Decodes all escapes of a part of a URL, such as a segment of its path. */
export function unescapePart(text: string): string {
  return unescapeWith(decodeURIComponent, text);
}

/** Decodes the escapes of a path; `%25` stays, and so do the escapes of characters that separate parts of a URL. */
export function unescapePath(path: string): string {
  return path.includes('%') ? unescapeWith((text) => decodeURI(text.replaceAll('%25', '%2525')), path) : path;
}

function unescapeWith(decode: (text: string) => string, text: string): string {
  const decoded = attempt(decode, text);
  return decoded ?? text.replace(/(?:%[\da-f]{2})+/gi, (escapes) => attempt(decode, escapes) ?? escapes);
}

/** `undefined` for a text with an escape that is no UTF-8. */
function attempt(decode: (text: string) => string, text: string): string | undefined {
  try {
    return decode(text);
  } catch {
    return undefined;
  }
}
