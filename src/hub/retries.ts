/**
 * @file Retries after temporary failures.
 */
import type { Connection } from './connection.ts';
import { HubError } from './errors.ts';

/** Attempts for one request, and the longest wait between two of them that a server may ask for, in seconds. */
const MAX_TRIES = 4;
const MAX_WAIT = 300;

/** Runs `attempt` again after temporary failures. Waits as long as the server asks for, else longer each time. */
export async function withRetries<T>(
  connection: Pick<Connection, 'signal' | 'onMessage'>,
  attempt: () => Promise<T>,
  tries = MAX_TRIES,
): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof HubError && error.isTransient) || failed >= tries) throw error;
      await waitAfter(error, failed, connection);
    }
  }
}

/**
 * Waits before a retry.
 * @throws the error itself if the server asks for a wait above the limit; the signal's reason
 */
export async function waitAfter(
  error: HubError,
  failed: number,
  { signal, onMessage }: Pick<Connection, 'signal' | 'onMessage'>,
): Promise<void> {
  const seconds = error.retryAfter ?? Math.min(2 ** (failed - 1), 8);
  if (seconds > MAX_WAIT) throw error;
  onMessage?.(`${error.message}; trying again in ${seconds} s`);
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
