/**
 * @file Lets a command that writes a file clean up when a signal stops it.
 */

/**
 * A signal that is aborted by the first SIGINT or SIGTERM; a second one ends the program at once.
 * @param outcome what has become of the file, for the message
 */
export function abortOnSignal(outcome = 'nothing was written'): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop.abort(new Error(`stopped by ${name}; ${outcome}`)));
  }
  return stop.signal;
}
