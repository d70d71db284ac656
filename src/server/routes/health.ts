/**
 * @file GET /health: whether the server can compute.
 */
import { HttpError } from '../errors.ts';
import type { RequestContext } from '../request.ts';

/**
 * GET /health.
 * @throws HttpError (503) if the model can no longer compute, so that a supervisor restarts the server
 */
export function health({ state: { engine } }: RequestContext): string {
  if (engine.failure !== undefined) throw new HttpError('unavailable_error', engine.failure.message);
  return '{"status":"ok"}';
}
