/**
 * @file What happens when a caller's signal aborts.
 */

/** A signal's reactions, and the one listener that calls them. */
interface Listening {
  readonly reactions: Set<() => void>;
  readonly listener: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

/**
 * Calls `react` when `signal` aborts. One listener serves all calls with a signal: Node 20 warns of a leak when a signal has more than ten.
 * @returns a function that cancels this
 */
export function onAbort(signal: AbortSignal, react: () => void): () => void {
  const { reactions, listener } = listening.get(signal) ?? listen(signal);
  reactions.add(react);
  return () => {
    reactions.delete(react);
    if (reactions.size > 0 || listening.get(signal)?.reactions !== reactions) return;
    listening.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

function listen(signal: AbortSignal): Listening {
  const reactions = new Set<() => void>();
  const listener = () => {
    for (const react of reactions) react();
  };
  signal.addEventListener('abort', listener, { once: true });
  const made = { reactions, listener };
  listening.set(signal, made);
  return made;
}

/** As `promise`, but rejects with the signal's reason as soon as it aborts. What `promise` rejects with later is dropped. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  promise.catch(() => {});
  signal.throwIfAborted();
  let forget = () => {};
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    forget();
  }
}
