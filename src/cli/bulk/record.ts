/**
 * @file A record: what one row of an input holds. Fields of JSON keep the text that they have in the input, so that a record that is
 * written again has the same numbers, also those that JavaScript cannot hold.
 */

/** The value of a field. */
export interface Field {
  readonly value: unknown;
  /** As the input writes it; only in records from JSON. */
  readonly json?: string;
}

/** Fields by name, in the order of the input. */
export type RecordFields = ReadonlyMap<string, Field>;

/**
 * The fields of a JSON object. Where a name comes twice, the last one counts, as with `JSON.parse`.
 * @param text valid JSON of an object
 */
export function fieldsOfJson(text: string): RecordFields {
  const fields = new Map<string, Field>();
  let at = text.indexOf('{') + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return fields;
    const afterName = endOfString(text, quote);
    const name = JSON.parse(text.slice(quote, afterName)) as string;
    const from = text.indexOf(':', afterName) + 1;
    const to = endOfValue(text, from);
    const json = text.slice(from, to).trim();
    fields.set(name, { value: JSON.parse(json), json });
    // What ends the last value is the brace of the object.
    if (text[to] !== ',') return fields;
    at = to + 1;
  }
}

/** Where the string that begins at `quote` is over. */
function endOfString(text: string, quote: number): number {
  let at = quote + 1;
  for (; text[at] !== '"'; at++) if (text[at] === '\\') at++;
  return at + 1;
}

/** Where the comma or brace after the value is that begins at `from`. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; ; at++) {
    const letter = text[at];
    if (letter === '"') at = endOfString(text, at) - 1;
    else if (letter === '{' || letter === '[') depth++;
    else if (depth === 0 && (letter === ',' || letter === '}')) return at;
    else if (letter === '}' || letter === ']') depth--;
  }
}

/** A record of values that come from another format than JSON. */
export function fieldsOf(values: Readonly<Record<string, unknown>>): RecordFields {
  return fieldsOfPairs(Object.entries(values));
}

/** A record of names and values in this order; an object would put names that are numbers first. */
export function fieldsOfPairs(pairs: readonly (readonly [name: string, value: unknown])[]): RecordFields {
  return new Map(pairs.map(([name, value]) => [name, { value }]));
}

/** A field as JSON. Integers of 64 bits keep all digits; bytes become base64. */
export function jsonOf({ value, json }: Field): string {
  return json ?? jsonOfValue(value);
}

function jsonOfValue(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  if (value instanceof Date) return JSON.stringify(value);
  if (ArrayBuffer.isView(value)) return `[${Array.from(value as unknown as Iterable<unknown>, jsonOfValue).join(',')}]`;
  if (Array.isArray(value)) return `[${value.map(jsonOfValue).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jsonOfValue(member)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
