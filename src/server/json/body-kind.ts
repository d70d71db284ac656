/**
 * @file Recognises a body that is not JSON by its declared type or its first bytes, for a message that says what to send.
 */

/** Number of bytes to examine. */
const HEAD_BYTES = 300;

const SEND_JSON = 'send a JSON object, with Content-Type: application/json';

/** Descriptions by content type. */
const types: readonly (readonly [RegExp, string])[] = [
  [/^application\/x-www-form-urlencoded/, 'a URL-encoded form'],
  [/^(application|text)\/([\w.-]+\+)?xml/, 'XML'],
  [/^text\/html/, 'HTML'],
  [/^text\//, 'plain text'],
  [/^application\/(x-)?(yaml|ndjson|jsonl|msgpack|protobuf|cbor|octet-stream)/, 'no JSON'],
];

/** Descriptions by first bytes, for bodies whose type says nothing. */
const beginnings: readonly (readonly [RegExp, string])[] = [
  [/^--\S+\r?\ncontent-disposition:/i, 'a multipart form'],
  [/^<(!doctype html|html)/i, 'HTML'],
  [/^</, 'XML'],
  [/^[\w.%+[\]-]+=/, 'a URL-encoded form'],
];

/**
 * Describes the body and what to send instead, as the end of a message; empty for JSON with a mistake.
 * @param bytes a body that is not valid JSON
 * @param type its Content-Type; empty if the request has none
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

/** Describes a form without a boundary; `undefined` for all other types. */
export function missingBoundary(type: string): string | undefined {
  if (/;\s*boundary\s*=\s*("[^"]+"|[^\s;"]+)/i.test(type)) return undefined;
  return `the body is a form, but its Content-Type (${shown(type)}) has no boundary: let your HTTP client set this header, or ${SEND_JSON}`;
}

function shown(type: string): string {
  return type.trim().slice(0, 80);
}
