/**
 * @file The forms of `input` and `content`, with llama-server's rules.
 */
import { HttpError, PROMPT_SHAPE, typeErrorMessage } from '../errors.ts';
import {
  isMediaObject,
  isTypedPart,
  type MarkedPrompt,
  MediaRequest,
  readMarkedPrompt,
  readMedia,
} from '../media/media-request.ts';
import type { RequestInput } from '../media/resolve-media.ts';

type Mixed = (string | number)[];

/**
 * The inputs in a value. An array without an integer is a list of inputs; everything else is one input: a text,
 * token ids, texts and ids mixed, an object whose `prompt_string` is one of these, or texts and images. An array of typed content parts, as
 * in OpenAI, is one input, too.
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

/** A query or a document of /rerank. */
type RankedInput = string | MediaRequest | MarkedPrompt;

/**
 * The query of /rerank: a text, or texts and images in any form that an input may have.
 * @throws HttpError for any other value
 */
export function readQuery(value: unknown): RankedInput {
  if (!isRanked(value)) throw invalid('"query" must be a string');
  return named('query', () => readRanked(value));
}

/**
 * The documents of /rerank, each as a query; an object with `content` has a document in each part, as in vLLM. `undefined` for anything else
 * than a list of documents.
 * @throws HttpError that names the document with a wrong part
 */
export function readDocuments(value: unknown): RankedInput[] | undefined {
  const list = isMediaObject(value) ? value.content : value;
  if (!Array.isArray(list) || !list.every(isRanked)) return undefined;
  return list.map((one, i) => named(`document ${i}`, () => readRanked(one)));
}

function isRanked(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isMediaObject);
  return typeof value === 'string' || isMediaObject(value) || isPromptObject(value);
}

function isPromptObject(value: unknown): value is { prompt_string: unknown; multimodal_data?: unknown } {
  return typeof value === 'object' && value !== null && 'prompt_string' in value;
}

function readRanked(value: unknown): RankedInput {
  if (typeof value === 'string') return value;
  if (isPromptObject(value)) {
    if ('multimodal_data' in value) return readMarkedPrompt(value.prompt_string, value.multimodal_data);
    if (typeof value.prompt_string === 'string') return value.prompt_string;
    throw invalid(typeErrorMessage('string', value.prompt_string));
  }
  const media = readMedia(value);
  const [first] = media.parts;
  return media.parts.length === 1 && 'text' in first ? first.text : media;
}

/** Adds the subject to an error. */
function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof HttpError ? invalid(`${name}: ${error.message}`) : error;
  }
}

/** Whether a value is an integer for llama-server's JSON library. */
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
