/**
 * @file Memory for the intermediates of a forward: float32 buffers that the next forward reuses.
 */

/** Hands out buffers in the order of the requests, and the same buffers again after `reset`. */
export class Arena {
  readonly #buffers: Float32Array[] = [];
  #next = 0;

  /** Makes every buffer free. Later requests overwrite the earlier buffers. */
  reset(): void {
    this.#next = 0;
  }

  /** `n` float32 values with undefined content. Allocates nothing when the previous forward asked for as many at this point. */
  take(n: number): Float32Array {
    const index = this.#next++;
    let buffer = this.#buffers[index];
    if (buffer === undefined || buffer.length < n) {
      buffer = new Float32Array(n);
      this.#buffers[index] = buffer;
    }
    return buffer.subarray(0, n);
  }

  /** Drops all buffers. */
  clear(): void {
    this.#buffers.length = 0;
    this.#next = 0;
  }
}
