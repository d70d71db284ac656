/**
 * @file Requests to the hub and to the hosts that it redirects to: limited redirects, and the token only for the hub's own origin.
 */
import { unescapePart } from '../unescape.ts';
import { readText } from './answer-body.ts';
import type { Connection } from './connection.ts';
import { connectionError } from './connection-error.ts';
import { HubError, shownUrl } from './errors.ts';
import { refusal } from './refusal.ts';
import { withRetries } from './retries.ts';

const MAX_REDIRECTS = 20;
/** Most milliseconds until an answer begins. */
const ANSWER_TIMEOUT = 20_000;
/** Most bytes of a JSON answer. */
const MAX_JSON_BYTES = 32 * 2 ** 20;

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
  if (username !== '') {
    const bytes = new TextEncoder().encode(`${unescapePart(username)}:${unescapePart(password)}`);
    return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
  }
  const isAtHub = origin === new URL(connection.endpoint).origin;
  return isAtHub && connection.token !== undefined ? `Bearer ${connection.token}` : undefined;
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

async function send(
  { signal, onRequest }: Connection,
  url: URL,
  headers: Readonly<Record<string, string>>,
  redirect: 'manual' | 'follow',
): Promise<Response> {
  await onRequest?.();
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
