/**
 * @file Reads the target of a request: its path and its query.
 */
import { unescapePart, unescapePath } from '../../unescape.ts';

/** The decoded path of a target. `%25` stays, and so do the escapes of characters that separate parts of a URL. */
export function pathOf(target: string): string {
  return unescapePath(/^[^?#]*/.exec(target)?.[0] ?? '');
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

function decodeField(text: string): string {
  return unescapePart(text.replaceAll('+', ' '));
}
