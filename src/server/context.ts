/**
 * @file Makes the `RequestContext` of a handler from an exchange.
 */
import type { ExchangeHandler } from './http/exchange.ts';
import type { ServerRequest } from './http/messages.ts';
import type { Body, RequestContext } from './request.ts';

/** A handler of a route. It may read the body of the request. */
export type RouteHandler = (context: RequestContext, request: ServerRequest) => Body | Promise<Body>;

/** A handler for the table of routes. The routes need the model, which a middleware has put into the exchange. */
export function onExchange(handler: RouteHandler): ExchangeHandler {
  return async (exchange) => {
    const { request, state } = exchange;
    if (state === undefined) throw new Error('no model is loaded');
    const logTokens = (nTokens: number) => {
      exchange.nTokens += nTokens;
    };
    const context: RequestContext = {
      state,
      client: request.client,
      query: (name) => exchange.query(name),
      param: (name) => exchange.param(name),
      header: (name, value) => exchange.headers.set(name, value),
      countTokens(nTokens) {
        state.counters.inputs(nTokens);
        logTokens(nTokens.reduce((sum, n) => sum + n, 0));
      },
      logTokens,
      signal: request.signal,
    };
    return exchange.answer(await handler(context, request));
  };
}
