/**
 * @file Reads the body of a request: size limit, UTF-8, JSON, forms.
 */
import { HttpError } from './errors.ts';
import { diagnoseJson } from './json-diagnosis.ts';

/** The fields of a body. What is no object has none, as in llama-server. */
export type Fields = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The fields of a JSON body, whatever its declared type; of a form, each text field as a string, a repeated one as an array.
 * @throws HttpError for bytes that are no JSON (400) and for more than `limit` bytes (413)
 */
export async function readFields(request: Request, limit: number): Promise<Fields> {
  const bytes = await readBytes(request, limit);
  const type = request.headers.get('content-type') ?? '';
  const value = type.startsWith('multipart/form-data') ? await formFields(bytes, type) : parseJson(bytes);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** @throws HttpError saying where and why the bytes are not JSON */
export function parseJson(bytes: Uint8Array): unknown {
  let problem: string | undefined;
  try {
    const text = decoder.decode(bytes);
    const value: unknown = JSON.parse(text);
    // JavaScript takes lone surrogates; no UTF-8 text can hold them.
    if (/\\u[dD][89a-fA-F]/.test(text)) problem = diagnoseJson(bytes);
    if (problem === undefined) return value;
  } catch (error) {
    problem = diagnoseJson(bytes) ?? `parse error: ${(error as Error).message}`;
  }
  throw new HttpError('invalid_request_error', problem);
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = () => new HttpError('payload_too_large_error', `the body is larger than ${limit} bytes`);
  const declared = request.headers.get('content-length');
  if (declared !== null) {
    if (Number(declared) > limit) throw tooLarge();
    return new Uint8Array(await request.arrayBuffer());
  }
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
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

async function formFields(bytes: Uint8Array, type: string): Promise<Fields> {
  let form: FormData;
  try {
    form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-type': type } }).formData();
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
