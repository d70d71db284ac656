/**
 * @file A partly downloaded file: written in any order, with a journal of the stored bytes beside it, so that a download continues
 * after a cut connection, a kill or a full disk.
 */
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { systemReason } from '../gguf/system-error.ts';
import { HubError } from './errors.ts';

/** A range of the file, fetched by one request at a time. Its first `done` bytes are stored. */
export interface Piece {
  readonly begin: number;
  readonly end: number;
  done: number;
}

const PIECE_BYTES = 16 * 2 ** 20;
/** Milliseconds between two writes of the journal. */
const JOURNAL_INTERVAL = 500;

/** Content of a journal. */
interface Journal {
  readonly size: number;
  /** The server's ETag of this version of the file. */
  readonly etag: string | null;
  /** Stored bytes of each piece. */
  readonly done: readonly number[];
}

/** The file and its journal. */
export class PartialFile {
  readonly path: string;
  readonly size: number;
  readonly pieces: readonly Piece[];
  etag: string | undefined;
  /** Whether an earlier run has stored some of the bytes. */
  readonly isResumed: boolean;
  readonly #file: FileHandle;
  #written = 0;
  #journal = Promise.resolve();

  private constructor(path: string, file: FileHandle, { size, etag, done }: Journal) {
    this.path = path;
    this.size = size;
    this.etag = etag ?? undefined;
    this.#file = file;
    this.pieces = emptyPieces(size).map((piece, i) => ({ ...piece, done: done[i] }));
    this.isResumed = this.done > 0;
  }

  /**
   * Continues the download at `path`. Starts over if there is none, or if its size or version differs.
   * @param etag ETag of the wanted version, if known
   * @param isChecked whether a hash of the whole file will show bytes of another version, so that an unknown version may go on
   * @throws HubError if the file cannot be written
   */
  static async open(path: string, size: number, etag: string | undefined, isChecked: boolean): Promise<PartialFile> {
    const journal = await readJournal(path, size);
    const file = await open(path, journal === undefined ? 'w' : 'r+').catch((cause) => {
      throw diskError(path, cause);
    });
    const isUnknown = etag === undefined || journal?.etag === null;
    const isSame = journal !== undefined && (isUnknown ? isChecked : journal.etag === etag);
    const partial = new PartialFile(path, file, isSame ? journal : emptyJournal(size, etag));
    if (journal !== undefined && !isSame) await file.truncate(0);
    // Written before the data, so that a journal that can be overwritten exists if the disk fills up.
    partial.#saveJournal();
    await partial.#journal;
    return partial;
  }

  /** Stored bytes. */
  get done(): number {
    return this.pieces.reduce((sum, { done }) => sum + done, 0);
  }

  /** Bytes that are stored from the beginning of the file on, as far as its first piece goes. */
  get storedFromStart(): number {
    return this.pieces[0]?.done ?? 0;
  }

  /** Stores the next bytes of `piece`. @throws HubError if they cannot be written */
  async append(piece: Piece, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file
        .write(bytes, at, bytes.length - at, piece.begin + piece.done)
        .catch((cause) => {
          throw diskError(this.path, cause);
        });
      at += bytesWritten;
      piece.done += bytesWritten;
    }
    const now = performance.now();
    if (now - this.#written < JOURNAL_INTERVAL) return;
    this.#written = now;
    this.#saveJournal();
  }

  /** Discards everything that is stored. */
  async restart(): Promise<void> {
    for (const piece of this.pieces) piece.done = 0;
    await this.#journal;
    await rm(journalOf(this.path), { force: true });
    await this.#file.truncate(0);
  }

  /** Writes the journal a last time, and closes the file. */
  async close(): Promise<void> {
    if (this.done > 0) this.#saveJournal();
    await this.#journal;
    await this.#file.close();
  }

  /** Flushes all bytes to the disk. */
  async sync(): Promise<void> {
    await this.#file.sync().catch((cause) => {
      throw diskError(this.path, cause);
    });
  }

  #saveJournal(): void {
    const journal: Journal = { size: this.size, etag: this.etag ?? null, done: this.pieces.map(({ done }) => done) };
    // Without a journal the download still succeeds; it only cannot be resumed.
    this.#journal = this.#journal.then(() => writeJournal(this.path, journal)).catch(() => {});
  }
}

/** Removes the file and its journal. */
export async function removePartial(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(journalOf(path), { force: true });
}

/** Renames the finished file to its final name. @throws HubError if that fails */
export async function finishPartial(path: string, destination: string): Promise<void> {
  await rename(path, destination).catch((cause) => {
    throw diskError(destination, cause);
  });
  await rm(journalOf(path), { force: true });
}

/** The error for a file that the system refuses to write. */
export function diskError(path: string, cause: NodeJS.ErrnoException): HubError {
  const isFull = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  const reason = isFull ? 'the disk is full' : systemReason(cause);
  const remedy = isFull ? '; free some space and run the command again: it continues from there' : '';
  return new HubError('disk', `${path} cannot be written: ${reason}${remedy}`, { cause });
}

/** Path of the journal of a partial file. */
function journalOf(path: string): string {
  return `${path}.json`;
}

function emptyPieces(size: number): Piece[] {
  return Array.from({ length: Math.ceil(size / PIECE_BYTES) }, (_, i) => ({
    begin: i * PIECE_BYTES,
    end: Math.min(size, (i + 1) * PIECE_BYTES),
    done: 0,
  }));
}

function emptyJournal(size: number, etag: string | undefined): Journal {
  return { size, etag: etag ?? null, done: emptyPieces(size).map(() => 0) };
}

/** Replaces the journal. On a full disk, overwrites the previous one in place. */
async function writeJournal(path: string, journal: Journal): Promise<void> {
  const longest = JSON.stringify({ ...journal, done: journal.done.map(() => PIECE_BYTES) });
  const text = JSON.stringify(journal).padEnd(longest.length);
  const fresh = `${journalOf(path)}.new`;
  try {
    await writeFile(fresh, text);
    await rename(fresh, journalOf(path));
  } catch {
    await rm(fresh, { force: true });
    await writeFile(journalOf(path), text, { flag: 'r+' });
  }
}

/** The journal of a file of this size; `undefined` if there is none, or it does not match the file. */
async function readJournal(path: string, size: number): Promise<Journal | undefined> {
  try {
    const journal = JSON.parse(await readFile(journalOf(path), 'utf8')) as Journal;
    const pieces = emptyPieces(size);
    const isValid = (done: unknown, i: number) =>
      Number.isInteger(done) && (done as number) >= 0 && (done as number) <= pieces[i].end - pieces[i].begin;
    if (journal.size !== size || !Array.isArray(journal.done) || journal.done.length !== pieces.length)
      return undefined;
    if (journal.etag !== null && typeof journal.etag !== 'string') return undefined;
    if (!journal.done.every(isValid)) return undefined;
    const file = await open(path, 'r');
    const length = (await file.stat().finally(() => file.close())).size;
    const needed = Math.max(0, ...pieces.map(({ begin }, i) => (journal.done[i] > 0 ? begin + journal.done[i] : 0)));
    return length >= needed ? journal : undefined;
  } catch {
    return undefined;
  }
}
