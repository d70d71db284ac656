/**
 * @file Caches the rows of images by the content of their files, so that an image with ten questions is encoded once.
 */

/** Bytes of a character of a key. */
const CHARACTER = 2;

/** Keeps rows within a budget. Drops the least recently used first. */
export class RowCache {
  readonly #budget: number;
  readonly #rows = new Map<string, Float32Array>();
  #bytes = 0;

  /** @param budget most bytes of rows and their keys */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Bytes of the rows that are kept, with their keys. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Float32Array | undefined {
    const rows = this.#rows.get(key);
    if (rows !== undefined) {
      this.#rows.delete(key);
      this.#rows.set(key, rows);
    }
    return rows;
  }

  /** Keeps `rows`, unless they alone exceed the budget. */
  set(key: string, rows: Float32Array): void {
    const size = CHARACTER * key.length + rows.byteLength;
    if (size > this.#budget || this.#rows.has(key)) return;
    // A part of a larger buffer would keep all of it.
    this.#rows.set(key, rows.byteLength === rows.buffer.byteLength ? rows : rows.slice());
    this.#bytes += size;
    for (const [oldest, { byteLength }] of this.#rows) {
      if (this.#bytes <= this.#budget) break;
      this.#rows.delete(oldest);
      this.#bytes -= CHARACTER * oldest.length + byteLength;
    }
  }
}
