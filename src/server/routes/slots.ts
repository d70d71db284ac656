/**
 * @file GET /slots: the load of the server, in llama-server's format.
 */
import { HttpError } from '../errors.ts';
import type { RequestContext } from '../request.ts';

/** GET /slots. This server has no slots; it reports one busy slot for each request in progress. */
export function slots({ state, query }: RequestContext): string {
  const { engine, admission, settings } = state;
  if (!settings.slots) {
    throw new HttpError('not_supported_error', 'This server does not support slots endpoint. Start it with `--slots`');
  }
  if (query('fail_on_no_slot') && admission.nActive >= settings.nSlots) {
    throw new HttpError('unavailable_error', 'no slot available');
  }
  return JSON.stringify(
    Array.from({ length: settings.nSlots }, (_, id) => ({
      id,
      n_ctx: engine.info.nCtx,
      speculative: false,
      is_processing: id < admission.nActive,
    })),
  );
}
