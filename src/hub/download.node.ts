/**
 * @file Downloads one file: several ranges at the same time if the server supports ranges, resumed after an interruption,
 * checked, and renamed only then.
 */
import { open } from 'node:fs/promises';
import { bodyOf } from './answer-body.ts';
import { CHECKED_BYTES, checkModel, NoModelError } from './check-model.node.ts';
import { checkBytes } from './checksum.node.ts';
import type { Connection } from './connection.ts';
import { HubError, shownUrl } from './errors.ts';
import { diskError, finishPartial, PartialFile, type Piece, removePartial } from './partial-file.node.ts';
import { refusal } from './refusal.ts';
import { request } from './requests.ts';
import { waitAfter, withRetries } from './retries.ts';

/** What to download, and where to store it. */
export interface Download {
  readonly url: URL;
  readonly destination: string;
  /** Path of the file that holds the bytes until the download is complete. */
  readonly partial: string;
  /** `undefined` if only the server knows it. */
  readonly size: number | undefined;
  /** The expected hash, as `checkBytes` takes it. */
  readonly oid: string | undefined;
  /** Whether it must be a GGUF. */
  readonly isModel: boolean;
}

/** How it is downloaded. */
interface DownloadOptions extends Connection {
  readonly connections: number;
  /** Bytes stored so far. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What a server says about a file in answer to a range request. */
interface Version {
  /** `undefined` if neither the server nor the listing says it. */
  readonly size: number | undefined;
  readonly etag: string | undefined;
  readonly givesRanges: boolean;
}

/** Attempts without progress before a download fails. */
const MAX_TRIES = 5;
/** Largest size of a file that is accepted. */
const MAX_FILE_BYTES = 2 ** 40;
/** How often a file may change during its download. */
const MAX_VERSIONS = 3;

/**
 * Downloads a file. Bytes that an earlier run has stored are not fetched again.
 * @returns the server's ETag of this version of the file, if it sends one
 * @throws HubError if it cannot be downloaded or stored, or differs from what was announced; the signal's reason
 */
export async function download(what: Download, options: DownloadOptions): Promise<string | undefined> {
  for (let versions = 1; ; versions++) {
    try {
      return await downloadVersion(what, options);
    } catch (error) {
      const again = error instanceof HubError && (error.code === 'changed' || error instanceof DamagedPartial);
      if (!again || versions >= MAX_VERSIONS) throw error;
      options.onMessage?.(`${error.message}; starting over`);
    }
  }
}

/** Bytes of an earlier run do not belong to this file: a second attempt from the start can succeed. */
class DamagedPartial extends HubError {}

async function downloadVersion(what: Download, options: DownloadOptions): Promise<string | undefined> {
  const { size, etag, givesRanges } = await withRetries(options, () => askVersion(what, options));
  try {
    if (size === undefined) await withRetries(options, () => fetchUnsized(what, options));
    else await fetchSized(what, options, { size, etag, givesRanges });
  } catch (error) {
    if (error instanceof NoModelError) await removePartial(what.partial);
    throw error;
  }
  await finishPartial(what.partial, what.destination);
  return etag;
}

/**
 * Checks the first bytes of a model as soon as they are stored, so that a file that is none is refused before the rest of it comes.
 * @returns what to call after each write, with the bytes stored from the beginning of the file on, and its size
 */
function headCheck({ isModel, partial, url }: Download): (stored: number, size: number) => Promise<void> {
  let isChecked = !isModel;
  return async (stored, size) => {
    if (isChecked || stored < Math.min(CHECKED_BYTES, size)) return;
    isChecked = true;
    await checkModel(partial, shownUrl(url));
  };
}

/** Fetches a file of a known size into `what.partial`, and checks the hash if it is known. */
async function fetchSized(
  what: Download,
  options: DownloadOptions,
  { size, etag, givesRanges }: Version & { readonly size: number },
): Promise<void> {
  const partial = await PartialFile.open(what.partial, size, etag);
  const checkHead = headCheck(what);
  const report = async () => {
    await checkHead(partial.storedFromStart, size);
    options.onProgress?.(partial.done, size);
  };
  try {
    await report();
    if (givesRanges) await fetchPieces(what, options, partial, report);
    else await withRetries(options, () => fetchWhole(what, options, partial, report));
    await partial.sync();
  } catch (error) {
    if (error instanceof HubError && error.code === 'changed') await partial.restart();
    throw error;
  } finally {
    await partial.close();
  }
  if (what.oid !== undefined) {
    await checkBytes(what.partial, what.oid, size, options.signal).catch(async (error) => {
      if (error instanceof HubError) await removePartial(what.partial);
      if (!(error instanceof HubError && partial.isResumed)) throw explained(error, what.url);
      throw new DamagedPartial('checksum', `the resumed download of ${shownUrl(what.url)} was damaged`, {
        cause: error,
      });
    });
  }
}

function explained(error: unknown, url: URL): unknown {
  if (!(error instanceof HubError)) return error;
  return new HubError(error.code, `${shownUrl(url)}: ${error.message}; they were deleted`, { cause: error });
}

/**
 * Requests the first byte to learn the size, the version, and whether the server supports ranges.
 * @throws HubError if the server refuses, or the size is not the announced one
 */
export async function askVersion(
  { url, size }: Pick<Download, 'url' | 'size'>,
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

/** Fetches all missing pieces. The first permanent failure stops the others. */
async function fetchPieces(
  { url }: Download,
  options: DownloadOptions,
  partial: PartialFile,
  report: () => Promise<void>,
): Promise<void> {
  const waiting = partial.pieces.filter(({ begin, end, done }) => begin + done < end);
  const stop = new AbortController();
  const { signal } = options;
  const connection = { ...options, signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal };
  const work = async () => {
    for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
      await fetchPiece(url, connection, partial, piece, report);
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
async function fetchPiece(
  url: URL,
  connection: Connection,
  partial: PartialFile,
  piece: Piece,
  report: () => Promise<void>,
): Promise<void> {
  for (let failed = 0; piece.begin + piece.done < piece.end; ) {
    const before = piece.done;
    try {
      await fetchRange(url, connection, partial, piece, report);
    } catch (error) {
      if (!(error instanceof HubError && error.isTransient)) throw error;
      failed = piece.done > before ? 1 : failed + 1;
      if (failed >= MAX_TRIES) throw error;
      await waitAfter(error, failed, connection);
    }
  }
}

async function fetchRange(
  url: URL,
  connection: Connection,
  partial: PartialFile,
  piece: Piece,
  report: () => Promise<void>,
): Promise<void> {
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

/** Fetches the whole file in one answer, from a server that does not support ranges. */
async function fetchWhole(
  { url }: Download,
  connection: Connection,
  partial: PartialFile,
  report: () => Promise<void>,
): Promise<void> {
  await partial.restart();
  const answer = await request(connection, url);
  if (answer.status !== 200) throw await refusal(connection, answer, url);
  const pieces = partial.pieces.values();
  let piece = pieces.next().value;
  for await (let bytes of bodyOf(answer, url)) {
    while (bytes.length > 0) {
      if (piece === undefined) throw new HubError('bad-answer', `${shownUrl(url)} sent more bytes than it announced`);
      const fits = bytes.subarray(0, piece.end - piece.begin - piece.done);
      await partial.append(piece, fits);
      bytes = bytes.subarray(fits.length);
      if (piece.begin + piece.done === piece.end) piece = pieces.next().value;
    }
    await report();
  }
  if (partial.done < partial.size) throw new HubError('unavailable', `${shownUrl(url)}: the connection was cut`);
}

/** Fetches the whole file in one answer of unknown length. A cut answer starts over. */
async function fetchUnsized(what: Download, options: DownloadOptions): Promise<void> {
  const { url, partial: path } = what;
  const answer = await request(options, url);
  if (answer.status !== 200) throw await refusal(options, answer, url);
  const fail = (cause: NodeJS.ErrnoException) => {
    throw diskError(path, cause);
  };
  const file = await open(path, 'w').catch(fail);
  const checkHead = headCheck(what);
  let done = 0;
  try {
    for await (const bytes of bodyOf(answer, url)) {
      await file.writeFile(bytes).catch(fail);
      done += bytes.length;
      await checkHead(done, MAX_FILE_BYTES);
      if (done > MAX_FILE_BYTES)
        throw new HubError('bad-answer', `${shownUrl(url)} has more than ${MAX_FILE_BYTES} bytes`);
      options.onProgress?.(done, Number.POSITIVE_INFINITY);
    }
    await checkHead(done, done);
    await file.sync().catch(fail);
  } finally {
    await file.close();
  }
  options.onProgress?.(done, done);
}

/** The bytes of a part of a file, `end` exclusive. @throws HubError for a header that cannot be read */
function readRange(answer: Response, url: URL): { begin: number; end: number; size: number } {
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
