/**
 * @file Lets a command that writes a file clean up when it is stopped.
 */

/** A signal that is aborted by the first SIGINT or SIGTERM; a second one ends the program at once. */
export function abortOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop.abort(new Error(`stopped by ${name}; nothing was written`)));
  }
  return stop.signal;
}
