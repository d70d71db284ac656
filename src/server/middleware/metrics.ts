/**
 * @file Counts and times requests, and reports each one to the log.
 */
import type { Counters } from '../counters.ts';
import type { ApplicationOptions } from '../http/application.ts';
import type { ServeOptions } from '../options.ts';

/** Records every answer. The counters include only requests that pass `checkKey`. */
export function record(counters: Counters, onRequest: ServeOptions['onRequest']): ApplicationOptions['onAnswer'] {
  return ({ request, route = 'none', nTokens, isForwarded, isAccepted }, status, milliseconds) => {
    if (isForwarded) return;
    if (isAccepted) counters.request(route, status, milliseconds / 1000);
    onRequest?.({ client: request.client, method: request.method, route, status, nTokens, milliseconds });
  };
}
