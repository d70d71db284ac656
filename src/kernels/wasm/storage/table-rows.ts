/**
 * @file Reads rows of a table when they are first needed. Every worker of a team reads what its own tokens need; two that read the same rows
 * write the same bytes.
 */
import type { OnDemandReads } from '../../../gguf/source.ts';
import type { Address, Stride } from '../kernels.ts';
import type { KernelMemory } from '../memory.ts';

/** Smaller tables are read at once: their bytes cost less than the reads. */
export const minOnDemandBytes = 1 << 20;

/** Bytes of a read, rounded to whole rows. A read of one row takes almost as long. */
const readBytes = 8192;

/** Which rows of a table one worker has read. */
export class TableRows {
  readonly #reads: OnDemandReads;
  readonly #rowBytes: Stride;
  readonly #nRows: number;
  readonly #rowsAtOnce: number;
  /** 1 for each group of `#rowsAtOnce` rows that is in memory. */
  readonly #present: Uint8Array;

  constructor(reads: OnDemandReads, rowBytes: Stride, nRows: number) {
    this.#reads = reads;
    this.#rowBytes = rowBytes;
    this.#nRows = nRows;
    this.#rowsAtOnce = Math.max(1, Math.round(readBytes / rowBytes));
    this.#present = new Uint8Array(Math.ceil(nRows / this.#rowsAtOnce));
  }

  /**
   * Reads those of `rows` that are not in memory yet.
   * @param address of the table
   * @throws GgufError if the file cannot be read, or was changed; then none of these rows counts as read
   */
  require(rows: ArrayLike<number>, address: Address, memory: KernelMemory): void {
    const missing = new Set<number>();
    for (let i = 0; i < rows.length; i++) {
      const group = Math.floor(rows[i] / this.#rowsAtOnce);
      if (this.#present[group] === 0) missing.add(group);
    }
    if (missing.size === 0) return;
    for (const group of missing) {
      const first = group * this.#rowsAtOnce;
      const n = Math.min(this.#rowsAtOnce, this.#nRows - first);
      const at = first * this.#rowBytes;
      this.#reads.read(at, memory.bytes(address + at, n * this.#rowBytes));
    }
    this.#reads.assertUnchanged();
    for (const group of missing) this.#present[group] = 1;
  }
}
