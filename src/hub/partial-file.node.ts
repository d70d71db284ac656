/**
 * @file A file that is being downloaded: written in any order, with a journal beside it of what is there already, so that
 * a download that was cut, killed or out of space goes on where it was.
 */
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { HubError } from './errors.ts';

/** A stretch of the file that is fetched by one request at a time; its first `done` bytes are stored. */
export interface Piece {
  readonly begin: number;
  readonly end: number;
  done: number;
}

const PIECE_BYTES = 16 * 2 ** 20;
/** Milliseconds between two versions of the journal. */
const JOURNAL_INTERVAL = 500;

/** What a journal holds. */
interface Journal {
  readonly size: number;
  /** What the server calls this version of the file. */
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
  /** Whether some of the bytes come from an earlier run. */
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
   * @param etag of the version that is wanted, where it is known
   * @throws HubError when the file cannot be written
   */
  static async open(path: string, size: number, etag: string | undefined): Promise<PartialFile> {
    const journal = await readJournal(path, size);
    const file = await open(path, journal === undefined ? 'w' : 'r+').catch((cause) => {
      throw diskError(path, cause);
    });
    const isSame = journal !== undefined && (etag === undefined || journal.etag === null || journal.etag === etag);
    const partial = new PartialFile(path, file, isSame ? journal : emptyJournal(size, etag));
    if (journal !== undefined && !isSame) await file.truncate(0);
    // Written before the data, so that on a disk that fills up there is a journal to write over.
    partial.#saveJournal();
    await partial.#journal;
    return partial;
  }

  /** Bytes that are stored. */
  get done(): number {
    return this.pieces.reduce((sum, { done }) => sum + done, 0);
  }

  /** Stores the bytes that follow those that `piece` has. @throws HubError when the disk refuses them */
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

  /** Forgets all that is stored. */
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

  /** Brings all bytes to the disk. */
  async sync(): Promise<void> {
    await this.#file.sync().catch((cause) => {
      throw diskError(this.path, cause);
    });
  }

  #saveJournal(): void {
    const journal: Journal = { size: this.size, etag: this.etag ?? null, done: this.pieces.map(({ done }) => done) };
    // A journal that cannot be written costs a resumption, not the download.
    this.#journal = this.#journal.then(() => writeJournal(this.path, journal)).catch(() => {});
  }
}

/** Removes the file and its journal. */
export async function removePartial(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(journalOf(path), { force: true });
}

/** Gives the finished file its name. @throws HubError when it cannot be */
export async function finishPartial(path: string, destination: string): Promise<void> {
  await rename(path, destination).catch((cause) => {
    throw diskError(destination, cause);
  });
  await rm(journalOf(path), { force: true });
}

/** What to say about a file that the system refuses to write. */
export function diskError(path: string, cause: NodeJS.ErrnoException): HubError {
  const reason = cause.code === 'ENOSPC' || cause.code === 'EDQUOT' ? 'the disk is full' : cause.message;
  const remedy =
    cause.code === 'ENOSPC' || cause.code === 'EDQUOT'
      ? '; make room and run the same again: it goes on from there'
      : '';
  return new HubError('disk', `${path} cannot be written: ${reason}${remedy}`, { cause });
}

/** Where the journal of a partial file lies. */
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

/** Replaces the journal. On a full disk it is written over the one before, which has room for it. */
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

/** The journal of a file of this size; `undefined` when there is none that fits to the file. */
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
