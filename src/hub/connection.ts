/**
 * @file How to reach the hub: its address and the account.
 */
import { HubError } from './errors.ts';

/** The address of the hub and the account. */
export interface Connection {
  /** Address of the hub, with a `/` at the end. */
  readonly endpoint: string;
  /** Sent only to the origin of the endpoint. */
  readonly token?: string;
  readonly signal?: AbortSignal;
  /** Called before the wait for a retry, with one sentence for a log. */
  readonly onMessage?: (message: string) => void;
  /** Called before each request, which waits for it. */
  readonly onRequest?: () => Promise<void>;
}

/**
 * An endpoint with a `/` at its end, and a token.
 * @throws HubError for an endpoint that is not a URL, or a token that a header cannot hold
 */
export function checkConnection(
  address: string,
  token: string | undefined,
): { readonly endpoint: string; readonly token: string | undefined } {
  const endpoint = address.endsWith('/') ? address : `${address}/`;
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new HubError('name', `"${address}" is not an address of a hub: an http or https URL was expected`);
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new HubError('name', 'the token of the hub has spaces or other characters that a token cannot have');
  }
  return { endpoint, token };
}

/** Whether a URL is at the hub itself. */
export function isOurs({ endpoint }: Connection, url: URL): boolean {
  return url.origin === new URL(endpoint).origin;
}
