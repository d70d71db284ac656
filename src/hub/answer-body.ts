/**
 * @file Reads the bodies of answers, and gives up on those that stop.
 */
import { connectionError } from './connection-error.ts';
import { HubError, shownUrl } from './errors.ts';

/** Most milliseconds between two pieces of a body. */
const STALL_TIMEOUT = 30_000;

/** @throws HubError if the body is longer than `limit` or cut */
export async function readText(answer: Response, limit: number, url: URL): Promise<string> {
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
