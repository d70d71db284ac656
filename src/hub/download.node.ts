/**
 * @file Downloads one file: by ranges if the server supports them, else in one answer; resumed after an interruption, checked,
 * and renamed only then.
 */
import { open } from 'node:fs/promises';
import { bodyOf } from './answer-body.ts';
import { CHECKED_BYTES, checkModel, NoModelError } from './check-model.node.ts';
import { checkBytes } from './checksum.node.ts';
import type { Connection } from './connection.ts';
import { HubError, shownUrl } from './errors.ts';
import { fetchPieces } from './fetch-pieces.node.ts';
import { askVersion, MAX_FILE_BYTES, type Version } from './file-version.ts';
import { diskError, finishPartial, PartialFile, removePartial } from './partial-file.node.ts';
import { refusal } from './refusal.ts';
import { request } from './requests.ts';
import { withRetries } from './retries.ts';

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
  const partial = await PartialFile.open(what.partial, size, etag, what.oid !== undefined);
  const checkHead = headCheck(what);
  const report = async () => {
    await checkHead(partial.storedFromStart, size);
    options.onProgress?.(partial.done, size);
  };
  try {
    await report();
    if (givesRanges) await fetchPieces(what.url, options, partial, report);
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
