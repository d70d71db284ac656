/**
 * @file How signals stop a server.
 */
import { exitCodeOf } from '../abort-on-signal.ts';
import { log } from '../log.ts';

/** The signals that stop a server. */
export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Waits for SIGINT or SIGTERM, and tells which came; a second signal ends the program at once. */
export function stopOnSignal(): { readonly signal: AbortSignal; readonly stopped: Promise<StopSignal> } {
  const stop = new AbortController();
  let resolveStopped: (name: StopSignal) => void = () => {};
  const stopped = new Promise<StopSignal>((resolve) => {
    resolveStopped = resolve;
  });
  const onSignal = (name: StopSignal) => {
    if (stop.signal.aborted) {
      log('second signal: stopping at once');
      process.exit(exitCodeOf(name));
    }
    resolveStopped(name);
    stop.abort(new Error('stopped while the model was loading'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { signal: stop.signal, stopped };
}
