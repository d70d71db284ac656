/**
 * @file Buffers that several matrices share: those that are declared one after the other, of one type and one row length, lie end to end,
 * so that one launch can multiply with more than one of them (queries, keys and values; gate and up).
 */
import type { Loader } from './loaders/index.ts';

/** Heads of four rows are whole words, whatever the type. */
const rowUnit = 4;

/** Rows of one type and length that share their buffers. */
export interface SharedBuffer<Buffers> {
  readonly loader: Loader;
  readonly rowLength: number;
  /** Rows that are taken. */
  rows: number;
  /** Made for the first matrix that is filled; no other one joins them any more. */
  buffers?: Promise<Buffers>;
}

/** Where a matrix lies. */
export interface BufferPlace<Buffers> {
  readonly shared: SharedBuffer<Buffers>;
  /** Its first row there. */
  readonly row: number;
}

/** Gives matrices their rows, in the order in which they are declared. */
export class SharedBuffers<Buffers> {
  #open: SharedBuffer<Buffers> | undefined;

  /**
   * Rows for a matrix.
   * @param most rows that one binding holds; at least `nRows`
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

  /** The buffers of `shared`; `make` is asked once. */
  buffers(shared: SharedBuffer<Buffers>, make: () => Promise<Buffers>): Promise<Buffers> {
    if (this.#open === shared) this.#open = undefined;
    return (shared.buffers ??= make());
  }
}

/** Rows that a matrix takes. */
export function sharedRows(nRows: number): number {
  return Math.ceil(nRows / rowUnit) * rowUnit;
}
