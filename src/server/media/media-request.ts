/**
 * @file Inputs with images in requests: turns the forms of llama-server, OpenAI, Jina and vLLM into one list of parts.
 */
import { Buffer } from 'node:buffer';
import { HttpError, PROMPT_SHAPE, typeErrorMessage } from '../errors.ts';

/** A part of an input: a text, the bytes of an image, or its URL. */
export type MediaPart = { readonly text: string } | { readonly image: Uint8Array } | { readonly url: string };

/** Deepest nesting of lists of parts. Clients send two levels. */
const MAX_DEPTH = 16;

/** An input of texts and images. */
export class MediaRequest {
  readonly parts: readonly MediaPart[];

  constructor(parts: readonly MediaPart[]) {
    this.parts = parts;
  }
}

/** llama-server's form: a text with a marker for each of its images. The server's settings have the marker. */
export class MarkedPrompt {
  readonly text: string;
  readonly images: readonly Uint8Array[];

  constructor(text: string, images: readonly Uint8Array[]) {
    this.text = text;
    this.images = images;
  }
}

function invalid(message: string): HttpError {
  return new HttpError('invalid_request_error', message);
}

/**
 * `prompt_string` with `multimodal_data`: bare base64 of the files, in an array or as a single string.
 * @throws HttpError for values of other types
 */
export function readMarkedPrompt(text: unknown, data: unknown): MarkedPrompt {
  if (typeof text !== 'string') throw invalid(typeErrorMessage('string', text));
  const entries: readonly unknown[] = Array.isArray(data) ? data : data === null ? [] : [data];
  return new MarkedPrompt(
    text,
    entries.map((entry) => {
      if (typeof entry !== 'string') throw invalid(typeErrorMessage('string', entry));
      return decodeBase64(entry);
    }),
  );
}

/** Whether a value is a content part as in OpenAI: an object with a `type`. */
export function isTypedPart(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Whether a value is an object that can be a text, an image, or a list of both. */
export function isMediaObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return isTypedPart(value) || ['text', 'image', 'image_url', 'content'].some((key) => key in value);
}

/**
 * An input that is an object (`{"text": …}`, `{"image": …}`, both, a typed part, or `{"content": …}` around parts), or a list of typed parts.
 * @throws HttpError for anything else in it
 */
export function readMedia(value: unknown): MediaRequest {
  return new MediaRequest(readParts(value));
}

function readParts(value: unknown, depth = 0): MediaPart[] {
  if (depth > MAX_DEPTH) throw invalid(`content parts are nested more than ${MAX_DEPTH} levels deep`);
  if (typeof value === 'string') return [{ text: value }];
  if (Array.isArray(value)) return value.flatMap((part) => readParts(part, depth + 1));
  if (!isMediaObject(value)) throw invalid(PROMPT_SHAPE);
  if ('content' in value) {
    if (!Array.isArray(value.content)) throw invalid('"content" of an input must be a list of content parts');
    return readParts(value.content, depth);
  }
  if (isTypedPart(value) && !/^(input_)?(text|image|image_url)$/.test(String(value.type))) {
    throw invalid(`content parts of type ${JSON.stringify(value.type)} cannot be embedded; text and image_url can`);
  }
  const parts: MediaPart[] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'text') parts.push({ text: readString(inner, 'text') });
    else if (key === 'image' || key === 'image_url') parts.push(readImage(inner, key));
  }
  if (parts.length === 0) throw invalid(PROMPT_SHAPE);
  return parts;
}

function readString(value: unknown, key: string): string {
  if (typeof value === 'string') return value;
  throw invalid(`"${key}" of a content part must be a string`);
}

/** A data URI, a URL, `{"url": …}` around one, or bare base64 if it is not a URL. */
function readImage(value: unknown, key: string): MediaPart {
  const given = typeof value === 'object' && value !== null && 'url' in value ? value.url : value;
  const text = readString(given, key);
  const data = /^data:(?:image\/[\w.+-]+)?(?:;[\w=.+-]+)*?(;base64)?,/i.exec(text.slice(0, 200));
  if (data !== null) {
    if (data[1] === undefined) throw invalid(`"${key}" has a data URI that is not base64`);
    return { image: decodeBase64(text.slice(data[0].length)) };
  }
  if (/^https?:\/\//i.test(text)) return { url: text };
  if (key === 'image_url' || /^[a-z][a-z\d+.-]*:/i.test(text.slice(0, 50))) {
    throw invalid(`"${key}" must be a data URI (data:image/…;base64,…) or an http(s) address`);
  }
  return { image: decodeBase64(text) };
}

/** Decodes as llama-server does, up to the first character that is not base64, but without the line breaks that MIME puts in. */
function decodeBase64(text: string): Uint8Array {
  const end = text.search(/[^A-Za-z0-9+/]/);
  if (end >= 0 && /\s/.test(text[end])) return decodeBase64(text.replace(/\s+/g, ''));
  const { buffer, byteOffset, byteLength } = Buffer.from(end < 0 ? text : text.slice(0, end), 'base64');
  return new Uint8Array(buffer, byteOffset, byteLength);
}
