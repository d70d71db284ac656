/**
 * @file The forms that `input` and `content` may have, read as llama-server reads them.
 */
import type { EmbedInput } from '../engine/index.ts';
import { HttpError, PROMPT_SHAPE, typeErrorMessage } from './errors.ts';

type Mixed = (string | number)[];

/**
 * The inputs that a value stands for. An array without an integer in it is a list of inputs; everything else is one: a text,
 * token ids, texts and ids mixed, or an object whose `prompt_string` is one of these.
 * @throws HttpError for any other value
 */
export function readPrompts(value: unknown): EmbedInput[] {
  if (!Array.isArray(value) || value.some(Number.isInteger)) return [readPrompt(value)];
  if (value.length === 0) throw invalid('"prompt" must not be empty');
  return value.map(readPrompt);
}

function readPrompt(value: unknown): EmbedInput {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return readMixed(value);
  if (typeof value !== 'object' || value === null || !('prompt_string' in value)) throw invalid(PROMPT_SHAPE);
  if ('multimodal_data' in value) {
    throw invalid('Multimodal data provided, but model does not support multimodal requests.');
  }
  const { prompt_string } = value;
  if (typeof prompt_string === 'string') return prompt_string;
  if (Array.isArray(prompt_string)) return readMixed(prompt_string);
  throw invalid(PROMPT_SHAPE);
}

function readMixed(values: readonly unknown[]): Mixed {
  if (values.length > 0 && !values.some(Number.isInteger)) throw invalid(PROMPT_SHAPE);
  for (const value of values) {
    if (typeof value === 'string' || Number.isInteger(value)) continue;
    throw invalid(typeof value === 'number' ? PROMPT_SHAPE : typeErrorMessage('number', value));
  }
  return values as Mixed;
}

function invalid(message: string): HttpError {
  return new HttpError('invalid_request_error', message);
}

/**
 * The `content` of /tokenize: a text, or texts and ids mixed. Ids are taken as they are; fractions are cut off.
 * @throws HttpError for any other value
 */
export function readContent(value: unknown): string | Mixed {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw invalid(typeErrorMessage('string', value));
  return value.map((part: unknown) => {
    if (typeof part === 'string') return part;
    if (typeof part === 'number') return Math.trunc(part);
    throw invalid(typeErrorMessage('number', part));
  });
}
