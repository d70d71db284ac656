/**
 * @file Error answers: for errors of handlers and middleware, and for paths without a route.
 */
import type { Counters } from '../counters.ts';
import {
  type ErrorType,
  HttpError,
  handlerErrorBody,
  INVALID_TOKENS,
  layerErrorBody,
  OWN_TOKENS_WARNING,
  toHttpError,
} from '../errors.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Answer } from '../http/messages.ts';
import type { ServeOptions } from '../options.ts';
import { foreignErrorBody } from './error-forms.ts';

/** Answers an error that a handler throws. Counts abandoned requests, reports failures, and warns once of token ids outside the vocabulary. */
export function answerErrors(
  counters: Counters,
  { onError, onWarning }: Pick<ServeOptions, 'onError' | 'onWarning'>,
): (error: unknown, exchange: Exchange) => Answer {
  let hasWarned = false;
  return (error, exchange) => {
    const answer = toHttpError(error);
    // Refusing a body also aborts the signal.
    if (answer.status === 500 && exchange.request.signal.aborted) counters.abandoned++;
    else if (answer.status === 500) onError?.(error);
    if (answer.message.startsWith(INVALID_TOKENS) && !hasWarned) {
      hasWarned = true;
      onWarning?.(OWN_TOKENS_WARNING);
    }
    for (const [name, value] of Object.entries(answer.headers)) exchange.headers.set(name, value);
    const body = foreignErrorBody(exchange.path, answer) ?? handlerErrorBody(answer);
    return exchange.answer(body, answer.status);
  };
}

/** Answers a path without a route. */
export function notFound(exchange: Exchange): Answer {
  const error = new HttpError('not_found_error', 'File Not Found');
  const body = foreignErrorBody(exchange.path, error, false) ?? layerErrorBody(error);
  return exchange.answer(body, error.status);
}

/** Answers a request that no handler gets. */
export function refuse(exchange: Exchange, type: ErrorType, message: string): Answer {
  const error = new HttpError(type, message);
  const body = foreignErrorBody(exchange.path, error) ?? layerErrorBody(error);
  return exchange.answer(body, error.status);
}
