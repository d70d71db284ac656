/**
 * @file GET /health: whether the server can compute, and wants requests.
 */
import { HttpError } from '../errors.ts';
import type { RequestContext } from '../request.ts';
import type { Readiness } from '../state.ts';

/**
 * GET /health.
 * @throws HttpError (503) if the model can no longer compute, so that a supervisor restarts the server, or if the server drains
 */
export function health({ state: { engine, readiness } }: RequestContext): string {
  if (engine.failure !== undefined) throw new HttpError('unavailable_error', engine.failure.message);
  return healthOf(readiness);
}

/** The body of the answer of a server that can compute. @throws HttpError (503) if it drains */
export function healthOf({ isDraining }: Readiness): string {
  if (isDraining) throw new HttpError('unavailable_error', 'The server is about to stop');
  return '{"status":"ok"}';
}
