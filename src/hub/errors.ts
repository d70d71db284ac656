/**
 * @file What can go wrong between here and the hub.
 */

/**
 * Kinds of failure:
 *  - `name`: no repository, file or setting can have this name;
 *  - `not-found`: there is no such repository or file, or none that may be seen without a token;
 *  - `denied`: the token is missing, wrong, or the terms of a gated repository are not accepted;
 *  - `rate-limited`: too many requests, and the wait that was asked for is too long or was not enough;
 *  - `unavailable`: no connection, a cut one, or a fault of the server;
 *  - `bad-answer`: an answer that breaks the protocol or a limit;
 *  - `changed`: the file became another one while it was downloaded;
 *  - `checksum`: the bytes are not those that were announced;
 *  - `disk`: they cannot be stored;
 *  - `offline`: they are not in the cache, and requests are switched off.
 */
export type HubErrorCode =
  | 'name'
  | 'not-found'
  | 'denied'
  | 'rate-limited'
  | 'unavailable'
  | 'bad-answer'
  | 'changed'
  | 'checksum'
  | 'disk'
  | 'offline';

/** A model could not be found or downloaded. Messages name URLs without their query, which may hold a signature. */
export class HubError extends Error {
  override readonly name = 'HubError';
  readonly code: HubErrorCode;
  /** Status of the answer, where there was one. */
  readonly status: number | undefined;
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | undefined;
  /** Whether the same request may succeed a little later. */
  readonly isTransient: boolean;

  constructor(
    code: HubErrorCode,
    message: string,
    {
      status,
      retryAfter,
      isTransient = code === 'unavailable' || code === 'rate-limited',
      cause,
    }: { status?: number; retryAfter?: number; isTransient?: boolean; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.isTransient = isTransient;
  }
}

/** A URL as messages may show it: without user, password, query and fragment. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
