/**
 * @file Makes the `RequestContext` of a handler from the framework's context, so that no handler depends on the framework.
 */
import type { Context } from 'hono';
import type { Body, RequestContext } from './request.ts';
import type { ModelState } from './state.ts';

/** What the owner of the sockets knows about a request. */
export interface Caller {
  /** Address of the client. */
  readonly client?: string;
}

/** Variables that the middleware passes on in the framework's context. */
export interface Env {
  Bindings: Caller;
  Variables: {
    /** Set by `requireModel`. */
    state: ModelState;
    /** Path of the route as in the table of routes, without prefix. */
    route: string;
    nTokens: number;
    /** Whether another application answers, which counts and logs the request. */
    isForwarded: boolean;
    /** Whether the model is loaded and the key is right. */
    isAccepted: boolean;
  };
}

/** A handler of a route. It may read the body of the request. */
export type RouteHandler = (context: RequestContext, request: Request) => Body | Promise<Body>;

/** The route `path` in the framework's syntax. */
export function toFramework(path: string, handler: RouteHandler): (c: Context<Env>) => Promise<Response> {
  return async (c) => {
    c.set('route', path);
    const state = c.get('state');
    const logTokens = (nTokens: number) => c.set('nTokens', nTokens + (c.get('nTokens') ?? 0));
    const context: RequestContext = {
      state,
      client: c.env?.client,
      query: (name) => c.req.query(name),
      param: (name) => c.req.param(name),
      header: (name, value) => c.header(name, value),
      countTokens(nTokens) {
        state.counters.inputs(nTokens);
        logTokens(nTokens.reduce((sum, n) => sum + n, 0));
      },
      logTokens,
      signal: c.req.raw.signal,
    };
    try {
      return c.body(await handler(context, c.req.raw));
    } catch (error) {
      // An abort can have any value as its reason, but `onError` gets only instances of Error.
      throw error instanceof Error ? error : new Error(String(error));
    }
  };
}
