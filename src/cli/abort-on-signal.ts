/**
 * @file Lets a command that writes a file clean up when a signal stops it.
 */
import { constants } from 'node:os';

/** SIGHUP comes when the terminal closes. */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal has stopped the command. */
export class StoppedBySignal extends Error {
  override name = 'StoppedBySignal';
  readonly signal: (typeof names)[number];

  constructor(signal: (typeof names)[number], outcome: string) {
    super(`stopped by ${signal}; ${outcome}`);
    this.signal = signal;
  }
}

/** The exit code of a program that a signal has ended, as shells report it: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOf(signal: (typeof names)[number]): number {
  return 128 + constants.signals[signal];
}

/**
 * A signal that is aborted by the first SIGINT, SIGTERM or SIGHUP; a second one ends the program at once.
 * @param outcome what has become of the file, for the message
 */
export function abortOnSignal(outcome = 'nothing was written'): AbortSignal {
  return listen(outcome).signal;
}

/** Runs `work` with such a signal. After it, signals end the program as usual. */
export async function stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, release } = listen('nothing was written');
  try {
    return await work(signal);
  } finally {
    release();
  }
}

function listen(outcome: string): { readonly signal: AbortSignal; readonly release: () => void } {
  const stop = new AbortController();
  const onSignal = (name: (typeof names)[number]) => {
    release();
    stop.abort(new StoppedBySignal(name, outcome));
  };
  const release = () => {
    for (const name of names) process.removeListener(name, onSignal);
  };
  for (const name of names) process.on(name, onSignal);
  return { signal: stop.signal, release };
}
