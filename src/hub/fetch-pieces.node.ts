/**
 * @file Fetches the missing pieces of a file by range requests, several at the same time.
 */
import { bodyOf } from './answer-body.ts';
import type { Connection } from './connection.ts';
import { HubError, shownUrl } from './errors.ts';
import { readRange } from './file-version.ts';
import type { PartialFile, Piece } from './partial-file.node.ts';
import { refusal } from './refusal.ts';
import { request } from './requests.ts';
import { waitAfter } from './retries.ts';

/** Attempts without progress before a piece fails. */
const MAX_TRIES = 5;

/** A file whose pieces are fetched. */
interface Fetching {
  readonly url: URL;
  readonly connection: Connection;
  readonly partial: PartialFile;
  /** Called after each write. */
  readonly report: () => Promise<void>;
}

/**
 * Fetches all missing pieces. The first permanent failure stops the others.
 * @param report called after each write
 */
export async function fetchPieces(
  url: URL,
  options: Connection & { readonly connections: number },
  partial: PartialFile,
  report: () => Promise<void>,
): Promise<void> {
  const waiting = partial.pieces.filter(({ begin, end, done }) => begin + done < end);
  const stop = new AbortController();
  const { signal } = options;
  const connection = { ...options, signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal };
  const fetching = { url, connection, partial, report };
  const work = async () => {
    for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
      await fetchPiece(fetching, piece);
    }
  };
  const workers = Array.from({ length: Math.min(options.connections, waiting.length) }, () =>
    work().catch((error) => {
      stop.abort(error);
      throw error;
    }),
  );
  const ends = await Promise.allSettled(workers);
  signal?.throwIfAborted();
  if (stop.signal.aborted) throw stop.signal.reason;
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Fetches one piece. After a cut connection it tries again, as long as each attempt makes progress. */
async function fetchPiece(fetching: Fetching, piece: Piece): Promise<void> {
  for (let failed = 0; piece.begin + piece.done < piece.end; ) {
    const before = piece.done;
    try {
      await fetchRange(fetching, piece);
    } catch (error) {
      if (!(error instanceof HubError && error.isTransient)) throw error;
      failed = piece.done > before ? 1 : failed + 1;
      if (failed >= MAX_TRIES) throw error;
      await waitAfter(error, failed, fetching.connection);
    }
  }
}

async function fetchRange(fetching: Fetching, piece: Piece): Promise<void> {
  const { url, connection, partial, report } = fetching;
  const begin = piece.begin + piece.done;
  const headers: Record<string, string> = { range: `bytes=${begin}-${piece.end - 1}` };
  if (partial.etag !== undefined && !partial.etag.startsWith('W/')) headers['if-range'] = partial.etag;
  const answer = await request(connection, url, headers);
  const etag = answer.headers.get('etag') ?? undefined;
  const isOther = answer.status === 200 || (answer.status === 206 && etag !== partial.etag) || answer.status === 416;
  if (isOther) {
    await answer.body?.cancel();
    throw new HubError('changed', `${shownUrl(url)} changed during the download`);
  }
  if (answer.status !== 206) throw await refusal(connection, answer, url);
  const range = readRange(answer, url);
  if (range.begin !== begin || range.end > piece.end || range.size !== partial.size) {
    await answer.body?.cancel();
    throw new HubError('bad-answer', `${shownUrl(url)} sent another range than the one requested`);
  }
  for await (const bytes of bodyOf(answer, url)) {
    if (piece.begin + piece.done + bytes.length > range.end) {
      throw new HubError('bad-answer', `${shownUrl(url)} sent more bytes than it announced`);
    }
    await partial.append(piece, bytes);
    await report();
  }
  if (piece.begin + piece.done < range.end) {
    throw new HubError('unavailable', `${shownUrl(url)}: the connection was cut`);
  }
}
