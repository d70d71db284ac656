/**
 * @file Error answers: for errors of handlers and middleware, and for paths without a route.
 */
import type { Context, ErrorHandler, NotFoundHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Env } from '../context.ts';
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
import type { ServeOptions } from '../options.ts';
import { foreignErrorBody } from './error-forms.ts';

/** Answers an error that a handler throws. Counts abandoned requests, reports failures, and warns once of token ids outside the vocabulary. */
export function answerErrors(
  counters: Counters,
  { onError, onWarning }: Pick<ServeOptions, 'onError' | 'onWarning'>,
): ErrorHandler<Env> {
  let hasWarned = false;
  return (error, c) => {
    const answer = toHttpError(error);
    // Refusing a body also aborts the signal.
    if (answer.status === 500 && c.req.raw.signal.aborted) counters.abandoned++;
    else if (answer.status === 500) onError?.(error);
    if (answer.message.startsWith(INVALID_TOKENS) && !hasWarned) {
      hasWarned = true;
      onWarning?.(OWN_TOKENS_WARNING);
    }
    for (const [name, value] of Object.entries(answer.headers)) c.header(name, value);
    const body = foreignErrorBody(c.req.path, answer) ?? handlerErrorBody(answer);
    return c.body(body, answer.status as ContentfulStatusCode);
  };
}

/** Answers a path without a route. */
export const notFound: NotFoundHandler<Env> = (c) => {
  const error = new HttpError('not_found_error', 'File Not Found');
  return c.body(layerErrorBody(error), 404);
};

/** Answers a request that no handler gets. */
export function refuse(c: Context<Env>, type: ErrorType, message: string): Response {
  const error = new HttpError(type, message);
  const body = foreignErrorBody(c.req.path, error) ?? layerErrorBody(error);
  return c.body(body, error.status as ContentfulStatusCode);
}
