/**
 * @file Errors in llama-server's format: types, statuses, and the two orders of keys.
 */
import { ContextSizeError, GpuDeviceLostError, ImageError, InputError } from '../engine/index.ts';
import { TokenizerError } from '../tokenizer/index.ts';

/** The `type` of an error and its HTTP status. */
export const errorStatus = {
  invalid_request_error: 400,
  exceed_context_size_error: 400,
  authentication_error: 401,
  not_found_error: 404,
  payload_too_large_error: 413,
  unsupported_media_type_error: 415,
  server_error: 500,
  not_supported_error: 501,
  unavailable_error: 503,
} as const;

export type ErrorType = keyof typeof errorStatus;

/** An error to report to the client. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly type: ErrorType;
  /** Additional keys of the error object. */
  readonly details: Readonly<Record<string, number>>;
  /** Additional headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    type: ErrorType,
    message: string,
    { details = {}, headers = {} }: Partial<Pick<HttpError, 'details' | 'headers'>> = {},
  ) {
    super(message);
    this.type = type;
    this.details = details;
    this.headers = headers;
  }

  get status(): number {
    return errorStatus[this.type];
  }
}

/** The body of an error that a handler throws. */
export function handlerErrorBody({ status, message, type, details }: HttpError): string {
  return JSON.stringify({ error: { code: status, message, type, ...details } });
}

/** The body of an error raised before a handler runs (no key, no route, model not loaded): llama-server orders its keys differently. */
export function layerErrorBody({ status, message, type }: Pick<HttpError, 'status' | 'message' | 'type'>): string {
  return JSON.stringify({ error: { message, type, code: status } });
}

/** llama-server's message for a value that is neither text nor tokens. */
export const PROMPT_SHAPE =
  '"prompt" elements must be a string, a list of tokens, a JSON object containing a prompt string, or a list of mixed strings & tokens.';

/** Converts anything thrown to the error that the client gets: 400 for the client's mistakes, 503 for a lost GPU, 500 for the rest. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof ContextSizeError) {
    return new HttpError(
      'exceed_context_size_error',
      `input (${error.nTokens} tokens) is larger than the max context size (${error.nCtx} tokens). skipping: the input is too large`,
      { details: { n_prompt_tokens: error.nTokens, n_ctx: error.nCtx } },
    );
  }
  if (error instanceof InputError) return new HttpError('invalid_request_error', inputErrorMessage(error));
  if (error instanceof ImageError) {
    return new HttpError('invalid_request_error', `Failed to load image or audio file: ${error.message}`);
  }
  if (error instanceof GpuDeviceLostError) return new HttpError('unavailable_error', error.message);
  if (error instanceof TokenizerError) return new HttpError('invalid_request_error', error.message);
  return new HttpError('server_error', error instanceof Error ? error.message : String(error));
}

/** Start of the message about token ids outside the vocabulary. */
export const INVALID_TOKENS = 'Prompt contains invalid tokens';

/** The remedy, with the name of the setting in the client that most often tokenizes by itself. */
const SEND_TEXTS = 'send texts (LangChain for Python: check_embedding_ctx_length=False)';

/** Tells the client why its token ids are outside the vocabulary. */
const OWN_TOKENS = `The client probably tokenizes for another model: ${SEND_TEXTS}`;

/** The same for the server's log. */
export const OWN_TOKENS_WARNING = `a request has token ids outside the vocabulary. The client probably tokenizes for another model: ${SEND_TEXTS}`;

function inputErrorMessage({ code, message }: InputError): string {
  if (code === 'shape') return PROMPT_SHAPE;
  if (code === 'empty') return 'Input content cannot be empty';
  if (code === 'token') return `${INVALID_TOKENS}: ${message}. ${OWN_TOKENS}`;
  return message;
}

/** The name of a value's type in llama-server's JSON library. */
function jsonTypeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** The message of llama-server's JSON library for a JSON value of the wrong type. */
export function typeErrorMessage(wanted: string, value: unknown): string {
  return `[json.exception.type_error.302] type must be ${wanted}, but is ${jsonTypeName(value)}`;
}
