/**
 * @file Readable errors for answers with an error status.
 */
import { readText } from './answer-body.ts';
import { type Connection, isOurs } from './connection.ts';
import { HubError, shownUrl } from './errors.ts';

/** Most bytes of the body of an error that are read for its message. */
const MAX_REFUSAL_BYTES = 4096;

/** Statuses for which a retry is useless: not implemented, HTTP version not supported. */
const LASTING_STATUSES = [501, 505];

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

/** Seconds of `Retry-After`, which holds seconds or a date. */
function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const until = Date.parse(value);
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - Date.now()) / 1000));
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
