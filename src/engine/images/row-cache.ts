/**
 * @file What a vision tower has made of images, by the content of their files, so that the same image with ten questions is encoded
 * once.
 */

/** Keeps rows within a budget; the ones that were not used for longest go first. */
export class RowCache {
  readonly #budget: number;
  readonly #rows = new Map<string, Float32Array>();
  #bytes = 0;

  /** @param budget bytes of rows that are kept */
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
