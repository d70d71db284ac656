/**
 * @file Answers with header names in their usual spelling, as llama-server sends them. Names have no case by the standard,
 * but some clients compare them as they come; `Headers` gives them in lower case.
 */
import { type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';

const spellings = new Map([
  ['etag', 'ETag'],
  ['www-authenticate', 'WWW-Authenticate'],
]);

/** A name with capitals at the beginnings of its words. */
function usualSpelling(name: string): string {
  let usual = spellings.get(name);
  if (usual === undefined) {
    usual = name.replace(/(?<![^-])[a-z]/g, (letter) => letter.toUpperCase());
    spellings.set(name, usual);
  }
  return usual;
}

type Sent = OutgoingHttpHeaders | OutgoingHttpHeader[] | string | undefined;

/** A response whose headers have their usual spelling. */
export class SpelledResponse extends ServerResponse {
  override writeHead(status: number, ...[reason, headers]: [reason?: Sent, headers?: Sent]): this {
    const spell = (given: Sent) =>
      typeof given !== 'object' || Array.isArray(given)
        ? given
        : Object.fromEntries(Object.entries(given).map(([name, value]) => [usualSpelling(name), value]));
    return Reflect.apply(super.writeHead, this, [status, spell(reason), spell(headers)]);
  }
}
