/**
 * @file Caches the rows of images by the content of their files, so that an image with ten questions is encoded once.
 */

/** Keeps rows within a budget. Drops the least recently used first. */
export class RowCache {
  readonly #budget: number;
  readonly #rows = new Map<string, Float32Array>();
  #bytes = 0;

  /** @param budget most bytes of rows */
  constructor(budget: number) {
    this.#budget = budget;
  }

  get(key: string): Float32Array | undefined {
    const rows = this.#rows.get(key);
    if (rows !== undefined) {
      this.#rows.delete(key);
      this.#rows.set(key, rows);
    }
    return rows;
  }

  set(key: string, rows: Float32Array): void {
    if (rows.byteLength > this.#budget || this.#rows.has(key)) return;
    this.#rows.set(key, rows);
    this.#bytes += rows.byteLength;
    for (const [oldest, { byteLength }] of this.#rows) {
      if (this.#bytes <= this.#budget) break;
      this.#rows.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}
