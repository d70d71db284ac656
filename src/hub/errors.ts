/**
 * @file `HubError`, the error class of this folder.
 */

/**
 * Kinds of failure:
 *  - `name`: the name is not a valid name of a repository, file or setting;
 *  - `not-found`: there is no such repository or file, or it is not visible without a token;
 *  - `denied`: the token is missing or wrong, or the terms of a gated repository are not accepted;
 *  - `rate-limited`: too many requests, and waiting did not help or would take too long;
 *  - `unavailable`: no connection, a cut connection, or an error of the server;
 *  - `bad-answer`: an answer that breaks the protocol or a limit;
 *  - `changed`: the file changed during the download;
 *  - `checksum`: the bytes do not have the announced hash;
 *  - `disk`: the bytes cannot be stored;
 *  - `offline`: the model is not in the cache, and requests are switched off.
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
  /** HTTP status of the answer, if there was one. */
  readonly status: number | undefined;
  /** Seconds to wait, from the server. */
  readonly retryAfter: number | undefined;
  /** Whether the same request may succeed later. */
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

/** A URL for messages: without user, password, query and fragment. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
