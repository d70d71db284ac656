/**
 * @file What a server says about a file in answer to a range request: its size, its version, and whether it gives ranges.
 */
import type { Connection } from './connection.ts';
import { HubError, shownUrl } from './errors.ts';
import { refusal } from './refusal.ts';
import { request } from './requests.ts';

/** Largest size of a file that is accepted. */
export const MAX_FILE_BYTES = 2 ** 40;

/** A version of a file. */
export interface Version {
  /** `undefined` if neither the server nor the listing says it. */
  readonly size: number | undefined;
  readonly etag: string | undefined;
  readonly givesRanges: boolean;
}

/**
 * Requests the first byte to learn the size, the version, and whether the server supports ranges.
 * @param size as announced, if it was
 * @throws HubError if the server refuses, or the size is not the announced one
 */
export async function askVersion(
  { url, size }: { readonly url: URL; readonly size: number | undefined },
  connection: Connection,
): Promise<Version> {
  const answer = await request(connection, url, { range: 'bytes=0-0' });
  const etag = answer.headers.get('etag') ?? undefined;
  const isEmpty = answer.status === 416 && /^bytes \*\/0$/.test(answer.headers.get('content-range') ?? '');
  if (answer.status !== 200 && answer.status !== 206 && !isEmpty) throw await refusal(connection, answer, url);
  const isUnsized = /^bytes \d+-\d+\/\*$/.test(answer.headers.get('content-range') ?? '');
  const isPart = answer.status === 206 && !isUnsized;
  const found = isPart ? readRange(answer, url).size : isEmpty ? 0 : isUnsized ? undefined : lengthOf(answer);
  await answer.body?.cancel();
  if (found === undefined) return { size, etag, givesRanges: false };
  if (!(found <= MAX_FILE_BYTES))
    throw new HubError('bad-answer', `${shownUrl(url)} has an impossible size of ${found} bytes`);
  if (size !== undefined && found !== size) {
    throw new HubError('bad-answer', `${shownUrl(url)} has ${found} bytes, but ${size} were announced`);
  }
  return { size: found, etag, givesRanges: isPart };
}

/** The bytes of a part of a file, `end` exclusive. @throws HubError for a header that cannot be read */
export function readRange(answer: Response, url: URL): { begin: number; end: number; size: number } {
  const [, begin, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers.get('content-range') ?? '') ?? [];
  const range = { begin: Number(begin), end: Number(last) + 1, size: Number(size) };
  if (Object.values(range).every(Number.isSafeInteger) && range.begin < range.end && range.end <= range.size)
    return range;
  throw new HubError('bad-answer', `${shownUrl(url)} sent an invalid Content-Range header`);
}

/** Length of a body without content coding. */
function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? undefined : Number(length);
}
