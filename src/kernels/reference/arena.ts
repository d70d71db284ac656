/**
 * @file Memory for the intermediates of a forward: float32 buffers that the next forward uses again.
 */

/** Hands out buffers in the order in which they are asked for, and the same ones again after `reset`. */
export class Arena {
  readonly #buffers: Float32Array[] = [];
  #next = 0;

  /** Makes every buffer free; what was handed out before is overwritten by what comes. */
  reset(): void {
    this.#next = 0;
  }

  /** `n` float32 values with undefined content. Nothing is allocated when the forward before asked for as many here. */
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
