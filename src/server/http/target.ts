/**
 * @file Reads the target of a request: its path and its query. Escapes that are no UTF-8 stay as they are.
 */

/** The decoded path of a target. `%25` stays, and so do the escapes of characters that separate parts of a URL. */
export function pathOf(target: string): string {
  const path = /^[^?#]*/.exec(target)?.[0] ?? '';
  return path.includes('%') ? decodeWith((text) => decodeURI(text.replaceAll('%25', '%2525')), path) : path;
}

/** The first value of a parameter of the query; '' for a parameter without a value, `undefined` if the query has none of that name. */
export function queryValue(target: string, name: string): string | undefined {
  const query = /^[^?#]*\?([^#]*)/.exec(target)?.[1];
  for (const pair of query?.split('&') ?? []) {
    const [key, ...value] = pair.split('=');
    if (decodeField(key) === name) return decodeField(value.join('='));
  }
  return undefined;
}

/** Decodes all escapes of a part of a path. */
export function decodePart(text: string): string {
  return decodeWith(decodeURIComponent, text);
}

function decodeField(text: string): string {
  return decodePart(text.replaceAll('+', ' '));
}

function decodeWith(decode: (text: string) => string, text: string): string {
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
