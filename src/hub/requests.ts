/**
 * @file Requests to the hub and to the hosts that it redirects to: limited redirects, the token only for the hub's own origin, readable
 * errors, and retries after temporary failures.
 */
import { HubError, shownUrl } from './errors.ts';

/** The address of the hub and the account. */
export interface Connection {
  /** Address of the hub, with a `/` at the end. */
  readonly endpoint: string;
  /** Sent only to the origin of the endpoint. */
  readonly token?: string;
  readonly signal?: AbortSignal;
  /** Called before the wait for a retry, with one sentence for a log. */
  readonly onMessage?: (message: string) => void;
}

const MAX_REDIRECTS = 20;
/** Most milliseconds until an answer begins, and between two pieces of a body. */
const ANSWER_TIMEOUT = 20_000;
const STALL_TIMEOUT = 30_000;
/** Most bytes of a JSON answer. */
const MAX_JSON_BYTES = 32 * 2 ** 20;
/** Most bytes of the body of an error that are read for its message. */
const MAX_REFUSAL_BYTES = 4096;
/** Attempts for one request, and the longest wait between two of them that a server may ask for, in seconds. */
const MAX_TRIES = 4;
const MAX_WAIT = 300;

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

/**
 * The answer of a server after all redirects, with any status.
 * @throws HubError if the server does not answer or the redirects cannot be followed; the signal's reason
 */
export async function request(
  connection: Connection,
  url: URL,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  let authorization = authorizationFor(connection, url);
  let target = new URL(url);
  target.username = target.password = '';
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const sent = authorization === undefined ? headers : { ...headers, authorization };
    const answer = await send(connection, target, sent, 'manual');
    // Browsers do not reveal the target of a redirect. They follow it themselves, and drop the token if the origin changes.
    if (answer.type === 'opaqueredirect') return send(connection, target, sent, 'follow');
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    await answer.body?.cancel();
    const next = redirectTarget(answer, target);
    if (next.origin !== target.origin) authorization = undefined;
    target = next;
  }
  throw new HubError('bad-answer', `${shownUrl(url)} redirects more than ${MAX_REDIRECTS} times`);
}

/** The password of the URL, if it has one, or the token, if the URL is at the hub. */
function authorizationFor(connection: Connection, { username, password, origin }: URL): string | undefined {
  if (username !== '') return `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}`;
  const isAtHub = origin === new URL(connection.endpoint).origin;
  return isAtHub && connection.token !== undefined ? `Bearer ${connection.token}` : undefined;
}

/** Whether a URL is at the hub itself. */
export function isOurs({ endpoint }: Connection, url: URL): boolean {
  return url.origin === new URL(endpoint).origin;
}

/**
 * A JSON answer of the hub, and the URL of the next page, if there is one.
 * @throws HubError for every status other than 200, and for an answer that is too large or not JSON
 */
export async function requestJson(
  connection: Connection,
  url: URL,
  tries?: number,
): Promise<{ value: unknown; next?: URL }> {
  return withRetries(
    connection,
    async () => {
      const answer = await request(connection, url, { accept: 'application/json' });
      if (answer.status !== 200) throw await refusal(connection, answer, url);
      const text = await readText(answer, MAX_JSON_BYTES, url);
      const link = /<([^>]+)>\s*;[^,]*\brel="?next"?/.exec(answer.headers.get('link') ?? '')?.[1];
      try {
        return { value: JSON.parse(text), next: link === undefined ? undefined : new URL(link, url) };
      } catch (cause) {
        throw new HubError('bad-answer', `the answer of ${shownUrl(url)} is not JSON`, { cause });
      }
    },
    tries,
  );
}

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

/** The error for an answer with an error status. Reads its body for the message, and closes it. */
export async function refusal(connection: Connection, answer: Response, url: URL): Promise<HubError> {
  const { status, headers } = answer;
  const said = headers.get('x-error-message') ?? (await readError(answer, url));
  const where = shownUrl(url);
  const details = said === undefined ? '' : ` (${said})`;
  const sent = connection.token !== undefined && isOurs(connection, url);
  if (headers.get('x-error-code') === 'GatedRepo') {
    const token = sent ? 'the account of the token has not accepted them' : 'then give a token (--hf-token, HF_TOKEN)';
    const page = `${connection.endpoint}${url.pathname.slice(1).match(/^(?:api\/models\/)?[^/]+\/[^/]+/)?.[0] ?? ''}`;
    return new HubError(
      'denied',
      `${where} is gated: accept the terms at ${page.replace('api/models/', '')}; ${token}${details}`,
      { status },
    );
  }
  if (status === 401 || status === 403) {
    const token = sent
      ? 'it does not exist, or the token may not read it'
      : 'it does not exist, or it is private and needs a token (--hf-token, HF_TOKEN)';
    return new HubError(
      status === 401 ? 'not-found' : 'denied',
      `${where} was refused with status ${status}: ${token}${details}`,
      { status },
    );
  }
  if (status === 404) return new HubError('not-found', `${where} does not exist${details}`, { status });
  if (status === 429) {
    const retryAfter = readRetryAfter(headers);
    const wait = retryAfter === undefined ? '' : `, try again in ${retryAfter} s`;
    return new HubError('rate-limited', `${where}: too many requests${wait}${details}`, { status, retryAfter });
  }
  if (status >= 500 || status === 408) {
    return new HubError('unavailable', `${where} failed with status ${status}${details}`, {
      status,
      retryAfter: readRetryAfter(headers),
      isTransient: !LASTING_STATUSES.includes(status),
    });
  }
  return new HubError('bad-answer', `${where} was answered with status ${status}${details}`, { status });
}

/** The error for a failed connection; runtimes name the causes differently. */
function connectionError(error: unknown, url: URL): HubError {
  const { message, cause } = error as Error & {
    readonly cause?: { readonly code?: string; readonly message?: string };
  };
  const { code = '', message: details = '' } = cause ?? {};
  const isTransient = !LASTING_CODES.test(code) && !LASTING_REASONS.includes(details);
  const reason = reasons[code] ?? reasons[details] ?? (details || message);
  return new HubError('unavailable', `cannot reach ${url.host}: ${reason}`, { isTransient, cause: error });
}

/** Statuses for which a retry is useless: not implemented, HTTP version not supported. */
const LASTING_STATUSES = [501, 505];
/** Failures for which a retry is useless: unknown host, certificates, answers that are not HTTP, requests that cannot be sent. */
const LASTING_CODES =
  /^(?:ENOTFOUND|EPROTO|HPE_|UND_ERR_(?:INVALID|HEADERS_OVERFLOW|NOT_SUPPORTED)|ERR_(?:TLS|SSL|INVALID)|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/;
/** Messages of `fetch` for requests that it refuses to send. */
const LASTING_REASONS = ['bad port', 'unknown scheme'];

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'there is no such host (is there a network?)',
  EAI_AGAIN: 'the name of the host cannot be looked up (is there a network?)',
  ETIMEDOUT: 'it does not answer',
  'bad port': 'fetch sends no requests to this port, which is reserved for another service',
};

async function send(
  { signal }: Connection,
  url: URL,
  headers: Readonly<Record<string, string>>,
  redirect: 'manual' | 'follow',
): Promise<Response> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ANSWER_TIMEOUT);
  const signals = signal === undefined ? [stop.signal] : [stop.signal, signal];
  try {
    return await fetch(url, { headers, redirect, signal: AbortSignal.any(signals) });
  } catch (error) {
    signal?.throwIfAborted();
    if (stop.signal.aborted) {
      throw new HubError('unavailable', `${url.host} has not answered for ${ANSWER_TIMEOUT / 1000} s`);
    }
    throw connectionError(error, url);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws HubError for a redirect that must not be followed */
function redirectTarget(answer: Response, from: URL): URL {
  const location = answer.headers.get('location');
  const refuse = (why: string) => new HubError('bad-answer', `${shownUrl(from)} redirects ${why}`);
  if (location === null || !URL.canParse(location, from.href)) throw refuse('to nowhere');
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse(`to a ${to.protocol} URL`);
  if (from.protocol === 'https:' && to.protocol === 'http:') throw refuse('away from https');
  if (isPrivate(to.hostname) && !isPrivate(from.hostname)) throw refuse('into a private network');
  return to;
}

/** Whether a host, by its name alone, is this machine or in a private network. */
function isPrivate(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  if (/^(?:127|10|0)\.|^192\.168\.|^169\.254\.|^172\.(?:1[6-9]|2\d|3[01])\./.test(host)) return /^[\d.]+$/.test(host);
  return /^\[(?:::1?\]|::ffff:|f[cd]|fe[89ab])/i.test(host);
}

/** Seconds of `Retry-After`, which holds seconds or a date. */
function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const until = Date.parse(value);
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - Date.now()) / 1000));
}

/** @throws HubError if the body is longer than `limit` or cut */
async function readText(answer: Response, limit: number, url: URL): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for await (const bytes of bodyOf(answer, url)) {
    length += bytes.length;
    if (length > limit)
      throw new HubError('bad-answer', `the answer of ${shownUrl(url)} is longer than ${limit} bytes`);
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

/** The field `error` in the body of an error. */
async function readError(answer: Response, url: URL): Promise<string | undefined> {
  try {
    const { error } = JSON.parse(await readText(answer, MAX_REFUSAL_BYTES, url)) as { readonly error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The pieces of a body. Closes the connection if the caller stops early.
 * @throws HubError if the connection is cut, or stays silent for `STALL_TIMEOUT`
 */
export async function* bodyOf(answer: Response, url: URL): AsyncGenerator<Uint8Array> {
  if (answer.body === null) return;
  const reader = answer.body.getReader();
  try {
    for (;;) {
      const { done, value } = await readPiece(reader, url);
      if (done) return;
      yield value;
    }
  } finally {
    // Also ends a pending read. Does nothing after the end of the body.
    await reader.cancel().catch(() => {});
  }
}

async function readPiece(reader: ReadableStreamDefaultReader<Uint8Array>, url: URL) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stalled = new Promise<never>((_, reject) => {
    const error = new HubError('unavailable', `no data has come from ${url.host} for ${STALL_TIMEOUT / 1000} s`);
    timer = setTimeout(() => reject(error), STALL_TIMEOUT);
  });
  try {
    return await Promise.race([reader.read(), stalled]);
  } catch (error) {
    if (error instanceof HubError || (error as Error).name === 'AbortError') throw error;
    throw connectionError(error, url);
  } finally {
    clearTimeout(timer);
  }
}
