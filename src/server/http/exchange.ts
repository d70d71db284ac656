/**
 * @file One request and what is known about its answer so far: what the middleware and the routes work on.
 */
import { unescapePart } from '../../unescape.ts';
import type { ModelState } from '../state.ts';
import { AnswerHeaders } from './answer-headers.ts';
import type { Answer, AnswerBody, ServerRequest } from './messages.ts';
import { pathOf, queryValue } from './target.ts';

/** A request on its way to an answer. */
export class Exchange {
  readonly request: ServerRequest;
  /** The decoded path. */
  readonly path: string;
  /** Headers of the answer. */
  readonly headers = new AnswerHeaders();
  /** Path of the route as in the table of routes, without prefix; `undefined` if none was found yet. */
  route: string | undefined;
  /** What the path has in the places that the route names `:name`. */
  params: Readonly<Record<string, string>> = {};
  /** The model and all that belongs to it; `undefined` until it is loaded. */
  state: ModelState | undefined;
  /** Tokens of the inputs, for the log. */
  nTokens = 0;
  /** Whether another application answers, which counts and logs the request. */
  isForwarded = false;
  /** Whether the model is loaded and the key is right. */
  isAccepted = false;

  constructor(request: ServerRequest) {
    this.request = request;
    this.path = pathOf(request.target);
  }

  /** Value of a parameter of the query. */
  query(name: string): string | undefined {
    return queryValue(this.request.target, name);
  }

  /** The part of the path that the route names `:name`. */
  param(name: string): string | undefined {
    const value = this.params[name];
    return value === undefined ? undefined : unescapePart(value);
  }

  /** An answer with the headers set so far. */
  answer(body: AnswerBody, status = 200): Answer {
    return { status, headers: this.headers, body };
  }

  /** Sends the client to another path for good. */
  redirect(path: string): Answer {
    this.headers.set('Location', /[^\0-\xff]/.test(path) ? encodeURI(path) : path);
    return this.answer(null, 308);
  }
}

/** Answers the requests of a route. */
export type ExchangeHandler = (exchange: Exchange) => Answer | Promise<Answer>;

/** Runs before the routes: answers a request, or leaves it to those that follow. */
export type Middleware = (exchange: Exchange) => Answer | undefined | Promise<Answer | undefined>;
