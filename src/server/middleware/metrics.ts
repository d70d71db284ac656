/**
 * @file Counts and times requests, and reports each one to the log.
 */
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../context.ts';
import type { Counters } from '../counters.ts';
import type { ServeOptions } from '../options.ts';

/** Runs first, to time the whole request. The counters include only requests that pass `checkKey`. */
export function measure(counters: Counters, onRequest: ServeOptions['onRequest']): MiddlewareHandler<Env> {
  return async (c, next) => {
    const started = performance.now();
    await next();
    if (c.get('isForwarded')) return;
    const milliseconds = performance.now() - started;
    const route = c.get('route') ?? 'none';
    if (c.get('isAccepted')) counters.request(route, c.res.status, milliseconds / 1000);
    onRequest?.({
      client: c.env?.client,
      method: c.req.method,
      route,
      status: c.res.status,
      nTokens: c.get('nTokens') ?? 0,
      milliseconds,
    });
  };
}
