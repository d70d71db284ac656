/**
 * @file Reads the body of a request: size limit, UTF-8, JSON, forms.
 */
import { HttpError } from '../errors.ts';
import { diagnoseJson } from '../json/diagnosis.ts';

/** The fields of a body. What is no object has none, as in llama-server. */
export type Fields = Readonly<Record<string, unknown>>;

/** Bodies up to this many bytes are read as a whole, which is faster. */
const AT_ONCE = 1 << 16;

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The fields of a JSON body, whatever its declared type; of a form, each text field as a string, a repeated one as an array.
 * @param type of the content, as the header says it
 * @throws HttpError for bytes that are no JSON
 */
export async function parseFields(bytes: Uint8Array, type: string): Promise<Fields> {
  const value = IS_FORM.test(type) ? await formFields(bytes, type) : parseJson(bytes);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** Types have no case. */
const IS_FORM = /^\s*multipart\/form-data/i;

/** Numbers that may be larger than a double holds, and more. */
const MAYBE_OVERFLOW = /[eE]\+?\d{3}|\d{200}/;
const OVERFLOW =
  '[json.exception.out_of_range.406] number overflow: a number is too large for 64 bits of floating point';

function hasInfinity(value: unknown): boolean {
  const stack = [value];
  while (stack.length > 0) {
    const one = stack.pop();
    if (typeof one === 'number' && !Number.isFinite(one)) return true;
    if (typeof one === 'object' && one !== null) for (const inner of Object.values(one)) stack.push(inner);
  }
  return false;
}

/** @throws HttpError saying where and why the bytes are not JSON */
function parseJson(bytes: Uint8Array): unknown {
  let problem: string | undefined;
  try {
    const text = decoder.decode(bytes);
    const value: unknown = JSON.parse(text);
    // JavaScript takes lone surrogates; no UTF-8 text can hold them.
    if (/\\u[dD][89a-fA-F]/.test(text)) problem = diagnoseJson(bytes);
    if (MAYBE_OVERFLOW.test(text) && hasInfinity(value)) problem = OVERFLOW;
    if (problem === undefined) return value;
  } catch (error) {
    problem = diagnoseJson(bytes) ?? `parse error: ${(error as Error).message}`;
  }
  throw new HttpError('invalid_request_error', problem);
}

/**
 * The body of a request, unpacked.
 * @param onBytes hears of bytes as they come; what it throws ends the reading
 * @throws HttpError for more than `limit` bytes, packed or not (413), an unknown packing (415), a broken one (400)
 */
export async function readBytes(
  request: Request,
  limit: number,
  onBytes: (n: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new HttpError('payload_too_large_error', `the body is larger than ${limit} bytes`);
  const declared = request.headers.get('content-length');
  if (Number(declared ?? 0) > limit) throw tooLarge();
  const packing = packingOf(request.headers);
  if (packing === 'identity' && declared !== null && Number(declared) <= AT_ONCE) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    onBytes(bytes.length);
    return bytes;
  }
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of unpack(request.body, packing)) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    onBytes(chunk.length);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** How a body is packed: the names of codings have no case, `x-gzip` is gzip, and `identity` or nothing is none. */
function packingOf(headers: Headers): string {
  const names = (headers.get('content-encoding') ?? '').toLowerCase().split(',');
  const codings = names.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  return codings.map((name) => (name === 'x-gzip' ? 'gzip' : name)).join(', ') || 'identity';
}

async function* unpack(body: ReadableStream<Uint8Array<ArrayBuffer>>, packing: string): AsyncGenerator<Uint8Array> {
  const known = packing === 'gzip' || packing === 'deflate';
  if (!known && packing !== 'identity') {
    throw new HttpError(
      'unsupported_media_type_error',
      `bodies in Content-Encoding ${packing} cannot be read: use gzip, deflate or none`,
    );
  }
  const bytes = known ? body.pipeThrough(new DecompressionStream(packing)) : body;
  try {
    yield* bytes as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!known || !isUnpackingError(error)) throw error;
    throw new HttpError('invalid_request_error', `the body is no ${packing}: ${error.message}`);
  }
}

/** A TypeError by the standard; Node throws that of its zlib. */
function isUnpackingError(error: unknown): error is Error {
  return error instanceof TypeError || String((error as { code?: unknown }).code).startsWith('Z_');
}

async function formFields(bytes: Uint8Array, type: string): Promise<Fields> {
  const named = type.replace(IS_FORM, 'multipart/form-data');
  let form: FormData;
  try {
    form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-type': named } }).formData();
  } catch (error) {
    throw new HttpError('invalid_request_error', `the form cannot be read: ${(error as Error).message}`);
  }
  const fields: Record<string, unknown> = {};
  for (const name of new Set(form.keys())) {
    const texts = form.getAll(name).filter((value) => typeof value === 'string');
    fields[name] = texts.length === 1 ? texts[0] : texts;
  }
  return fields;
}
