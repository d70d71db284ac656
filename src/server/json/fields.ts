/**
 * @file Reads the fields of a body: JSON in UTF-8, with the place of a mistake, or a form.
 */
import { HttpError } from '../errors.ts';
import { adviseJson, missingBoundary } from './body-kind.ts';
import { diagnoseJson } from './diagnosis.ts';
import { findOverflow } from './number-overflow.ts';

/** The fields of a body. As in llama-server, a value that is not an object has none. */
export type Fields = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the fields of a body. Any body that is not a form is parsed as JSON, whatever its declared type. Each text field of a
 * form becomes a string, a repeated field an array.
 * @param type the value of the Content-Type header
 * @throws HttpError if the bytes are not valid JSON
 */
export async function parseFields(bytes: Uint8Array, type: string): Promise<Fields> {
  const value = IS_FORM.test(type) ? await formFields(bytes, type) : parseJson(bytes, type);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** Content types are case-insensitive. */
const IS_FORM = /^\s*multipart\/form-data/i;

/** The value of a body. @throws HttpError with the place and the reason if the bytes are not valid JSON */
export function parseJson(bytes: Uint8Array, type: string): unknown {
  let problem: string | undefined;
  try {
    const text = decoder.decode(bytes);
    const value: unknown = JSON.parse(text);
    // JavaScript accepts lone surrogates, but UTF-8 cannot represent them.
    if (/\\u[dD][89a-fA-F]/.test(text)) problem = diagnoseJson(bytes);
    const overflow = findOverflow(text);
    if (overflow !== undefined) {
      problem = `[json.exception.out_of_range.406] number overflow parsing '${overflow.number}' at ${overflow.path}: 64 bits of floating point do not hold it`;
    }
    if (problem === undefined) return value;
  } catch (error) {
    problem = (diagnoseJson(bytes) ?? `parse error: ${(error as Error).message}`) + adviseJson(bytes, type);
  }
  throw new HttpError('invalid_request_error', problem);
}

async function formFields(bytes: Uint8Array, type: string): Promise<Fields> {
  const problem = missingBoundary(type);
  if (problem !== undefined) throw new HttpError('invalid_request_error', problem);
  const named = type.replace(IS_FORM, 'multipart/form-data');
  let form: FormData;
  try {
    form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-type': named } }).formData();
  } catch {
    throw new HttpError(
      'invalid_request_error',
      'cannot read the form: its parts and its end must have the boundary of Content-Type',
    );
  }
  const fields: Record<string, unknown> = {};
  for (const name of new Set(form.keys())) {
    const texts = form.getAll(name).filter((value) => typeof value === 'string');
    if (texts.length > 0) fields[name] = texts.length === 1 ? texts[0] : texts;
  }
  return fields;
}
