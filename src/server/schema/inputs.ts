/**
 * @file The forms of `input` and `content`, with llama-server's rules.
 */
import { HttpError, PROMPT_SHAPE, typeErrorMessage } from '../errors.ts';
import { isMediaObject, isTypedPart, MediaRequest, readMarkedPrompt, readMedia } from '../media/media-request.ts';
import type { RequestInput } from '../media/resolve-media.ts';

type Mixed = (string | number)[];

/**
 * The inputs that a value stands for. An array without an integer in it is a list of inputs; everything else is one: a text,
 * token ids, texts and ids mixed, an object whose `prompt_string` is one of these, or texts and images. An array of typed content parts, as
 * OpenAI has them, is one input, too.
 * @throws HttpError for any other value
 */
export function readInputs(value: unknown): RequestInput[] {
  if (value instanceof MediaRequest) return [value];
  if (Array.isArray(value) && value.length > 0 && value.every(isTypedPart)) return [readMedia(value)];
  if (!Array.isArray(value) || value.some(isId)) return [readInput(value)];
  if (value.length === 0) throw invalid('"prompt" must not be empty');
  return value.map(readInput);
}

function readInput(value: unknown): RequestInput {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isTypedPart)) return readMedia(value);
    if (value.every(isId)) return value;
    if (value.some(isId) && value.some((part) => typeof part === 'string')) return value.map(readPart);
    throw invalid(PROMPT_SHAPE);
  }
  if (typeof value !== 'object' || value === null) throw invalid(PROMPT_SHAPE);
  if (!('prompt_string' in value)) {
    if (isMediaObject(value)) return readMedia(value);
    throw invalid(PROMPT_SHAPE);
  }
  if ('multimodal_data' in value) return readMarkedPrompt(value.prompt_string, value.multimodal_data);
  const inside = readContent(value.prompt_string);
  if (typeof inside === 'string' || inside.length === 0 || inside.some(isId)) return inside;
  throw invalid(PROMPT_SHAPE);
}

/**
 * A query or a document of /rerank: a text, or texts and images.
 * @throws HttpError for any other value
 */
export function readRanked(value: unknown): string | MediaRequest {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'text' in value && !('image' in value || 'image_url' in value)) {
    if (typeof value.text === 'string') return value.text;
  }
  if (!isMediaObject(value) && !(Array.isArray(value) && value.length > 0 && value.every(isMediaObject)))
    throw invalid(PROMPT_SHAPE);
  return readMedia(value);
}

/** Whether a value is what llama-server's JSON library takes for an integer. */
function isId(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(value as number) < 2 ** 64;
}

/**
 * Reads the `content` of /tokenize: a text, or texts and ids mixed. Ids are kept unchanged.
 * @throws HttpError for any other value
 */
export function readContent(value: unknown): string | Mixed {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw invalid(typeErrorMessage('string', value));
  return value.map(readPart);
}

/** Fractional ids are truncated, and booleans are 0 or 1, as everywhere in llama-server. */
function readPart(part: unknown): string | number {
  if (typeof part === 'string') return part;
  if (typeof part === 'number' || typeof part === 'boolean') return Math.trunc(Number(part));
  throw invalid(typeErrorMessage('number', part));
}

function invalid(message: string): HttpError {
  return new HttpError('invalid_request_error', message);
}
