/**
 * @file What a body is that is not JSON: by its declared type or by how it begins, for a message that says what to send.
 */

/** Bytes that are looked at. */
const HEAD_BYTES = 300;

const SEND_JSON = 'send a JSON object, with Content-Type: application/json';

/** Types by what they are in words. */
const types: readonly (readonly [RegExp, string])[] = [
  [/^application\/x-www-form-urlencoded/, 'a URL-encoded form'],
  [/^(application|text)\/([\w.-]+\+)?xml/, 'XML'],
  [/^text\/html/, 'HTML'],
  [/^text\//, 'plain text'],
  [/^application\/(x-)?(yaml|ndjson|jsonl|msgpack|protobuf|cbor|octet-stream)/, 'no JSON'],
];

/** Beginnings by what they show, for bodies whose type says nothing. */
const beginnings: readonly (readonly [RegExp, string])[] = [
  [/^--\S+\r?\ncontent-disposition:/i, 'a multipart form'],
  [/^<(!doctype html|html)/i, 'HTML'],
  [/^</, 'XML'],
  [/^[\w.%+[\]-]+=/, 'a URL-encoded form'],
];

/**
 * What the body is and what to send instead, as the end of a message; empty for what is JSON with a mistake in it.
 * @param bytes what could not be read as JSON
 * @param type its Content-Type; empty without one
 */
export function adviseJson(bytes: Uint8Array, type: string): string {
  const text = new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES)).trim();
  if (text === '' || /^[[{"]/.test(text)) return '';
  const declared = type.trim().toLowerCase();
  const byBeginning = beginnings.find(([pattern]) => pattern.test(text))?.[1];
  const is = byBeginning ?? types.find(([pattern]) => pattern.test(declared))?.[1];
  if (is === undefined) return '';
  return `. The body is ${is} (${declared === '' ? 'without Content-Type' : `Content-Type: ${shown(type)}`}): ${SEND_JSON}`;
}

/** What is wrong with a form that has no boundary; `undefined` for all others. */
export function missingBoundary(type: string): string | undefined {
  if (/;\s*boundary\s*=\s*("[^"]+"|[^\s;"]+)/i.test(type)) return undefined;
  return `the body is a form, but its Content-Type (${shown(type)}) has no boundary: let your HTTP client set this header, or ${SEND_JSON}`;
}

function shown(type: string): string {
  return type.trim().slice(0, 80);
}
