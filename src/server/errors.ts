/**
 * @file Errors as llama-server writes them: types, statuses, and the two orders of keys.
 */
import { ContextSizeError, GpuDeviceLostError, ImageError, InputError } from '../engine/index.ts';
import { TokenizerError } from '../tokenizer/index.ts';

/** The `type` of an error and the HTTP status that goes with it. */
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

/** An error for the client. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly type: ErrorType;
  /** More keys of the error object. */
  readonly details: Readonly<Record<string, number>>;
  /** More headers of the answer. */
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

/** The body of an error that a handler met. */
export function handlerErrorBody({ status, message, type, details }: HttpError): string {
  return JSON.stringify({ error: { code: status, message, type, ...details } });
}

/** The body of an error from before any handler (no key, no route, no model yet): llama-server orders the keys otherwise. */
export function layerErrorBody({ status, message, type }: Pick<HttpError, 'status' | 'message' | 'type'>): string {
  return JSON.stringify({ error: { message, type, code: status } });
}

/** The message for a value that is neither text nor tokens, in llama-server's words. */
export const PROMPT_SHAPE =
  '"prompt" elements must be a string, a list of tokens, a JSON object containing a prompt string, or a list of mixed strings & tokens.';

/** What the client is told about anything that was thrown. Mistakes of the client are 400, a lost GPU is 503, everything else is 500. */
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

/** How the message about ids of another vocabulary begins. */
export const INVALID_TOKENS = 'Prompt contains invalid tokens';

/** The setting of the client that most often tokenizes by itself. */
const SEND_TEXTS = 'send texts (LangChain for Python: check_embedding_ctx_length=False)';

/** Why ids of another vocabulary come: for the client. */
const OWN_TOKENS = `A client that tokenizes by itself must be told to ${SEND_TEXTS}`;

/** The same for the log of the server. */
export const OWN_TOKENS_WARNING = `a request had token ids that are not in the vocabulary: its client probably tokenizes by itself, for another model; let it ${SEND_TEXTS}`;

function inputErrorMessage({ code, message }: InputError): string {
  if (code === 'shape') return PROMPT_SHAPE;
  if (code === 'empty') return 'Input content cannot be empty';
  if (code === 'token') return `${INVALID_TOKENS}: ${message}. ${OWN_TOKENS}`;
  return message;
}

/** The name that llama-server's JSON library has for the type of a value. */
function jsonTypeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** The error for a JSON value of the wrong type, in the words of llama-server's JSON library. */
export function typeErrorMessage(wanted: string, value: unknown): string {
  return `[json.exception.type_error.302] type must be ${wanted}, but is ${jsonTypeName(value)}`;
}
