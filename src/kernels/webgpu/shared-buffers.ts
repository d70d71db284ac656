/**
 * @file Buffers that several matrices share: matrices that are declared one after the other and have the same type and row length are
 * stored end to end, so that one launch can multiply with several of them (queries, keys and values; gate and up).
 */
import type { Loader } from './loaders/index.ts';

/** Heads of four rows are whole words, whatever the type. */
const rowUnit = 4;

/** Rows of one type and length that share their buffers. */
export interface SharedBuffer<Buffers> {
  readonly loader: Loader;
  readonly rowLength: number;
  /** Number of rows in use. */
  rows: number;
  /** Made when the first matrix is filled; no other matrix can join afterwards. */
  buffers?: Promise<Buffers>;
}

/** The position of a matrix. */
export interface BufferPlace<Buffers> {
  readonly shared: SharedBuffer<Buffers>;
  /** Its first row in the buffer. */
  readonly row: number;
}

/** Assigns rows to matrices, in the order in which they are declared. */
export class SharedBuffers<Buffers> {
  #open: SharedBuffer<Buffers> | undefined;

  /**
   * Assigns rows to a matrix.
   * @param most maximum rows of one binding; at least `nRows`
   */
  take(loader: Loader, rowLength: number, nRows: number, most: number): BufferPlace<Buffers> {
    const n = sharedRows(nRows);
    let shared = this.#open;
    if (shared?.loader !== loader || shared.rowLength !== rowLength || shared.rows + n > most) {
      this.#open = shared = { loader, rowLength, rows: 0 };
    }
    const row = shared.rows;
    shared.rows += n;
    return { shared, row };
  }

  /** The buffers of `shared`; `make` is called once. */
  buffers(shared: SharedBuffer<Buffers>, make: () => Promise<Buffers>): Promise<Buffers> {
    if (this.#open === shared) this.#open = undefined;
    return (shared.buffers ??= make());
  }
}

/** Number of rows that a matrix occupies. */
export function sharedRows(nRows: number): number {
  return Math.ceil(nRows / rowUnit) * rowUnit;
}
