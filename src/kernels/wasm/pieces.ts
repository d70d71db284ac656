/**
 * @file How ranks divide the columns of a product while they compute it. Each has a part, and takes it piece by piece. A rank that has finished
 * its own part takes pieces of the others', so that no rank waits long for one whose core is slower or busy with something else. Pieces
 * have the same bits whoever computes them.
 *
 * Each rank has a word in shared memory: the number of the product, and the number of pieces of its part that have been taken.
 */

import { maxThreads } from '../../tensor/backend.ts';
import { evenPart } from './even-part.ts';
import { pieceStride, piecesAddress } from './memory.ts';

/** Bits of a word that count pieces. */
const countBits = 6;
/** The most pieces of a part. */
const mostPieces = 16;
/** Multiply-adds of a piece: about 10 µs. Taking one costs a hundredth of that. */
const fewestMacs = 400_000;

/** Takes pieces for one rank. */
export class Pieces {
  readonly #words: Int32Array;
  readonly #rank: number;
  /** The number of the product in the forward: the same on all ranks, which carry out the same steps. */
  #product = 0;

  /** @param memory shared; only its first page is used */
  constructor(memory: WebAssembly.Memory, rank: number) {
    this.#words = new Int32Array(memory.buffer, piecesAddress, (maxThreads * pieceStride) / 4);
    this.#rank = rank;
  }

  /** Before a forward. All ranks call it, and meet at a barrier before the first product. */
  reset(): void {
    this.#product = 0;
    Atomics.store(this.#words, wordOf(this.#rank), 0);
  }

  /**
   * Divides the next product. All ranks call it with the same numbers.
   * @param n columns, or groups of them
   * @param macs multiply-adds of one of them
   * @param compute called with the pieces [begin, end) that this rank takes
   */
  divide(n: number, nRanks: number, macs: number, compute: (begin: number, end: number) => void): void {
    this.#product++;
    for (let i = 0; i < nRanks; i++) {
      const owner = (this.#rank + i) % nRanks;
      const [first, last] = evenPart(n, owner, nRanks);
      const size = Math.ceil(Math.max(1, (last - first) / mostPieces, Math.min(fewestMacs / macs, last - first)));
      const nPieces = Math.ceil((last - first) / size);
      for (let piece = this.#take(owner, nPieces); piece < nPieces; piece = this.#take(owner, nPieces)) {
        const begin = first + piece * size;
        compute(begin, Math.min(last, begin + size));
      }
    }
  }

  /** The next piece of a part, or `nPieces` if all have been taken. */
  #take(owner: number, nPieces: number): number {
    const at = wordOf(owner);
    for (;;) {
      const word = Atomics.load(this.#words, at);
      const product = word >> countBits;
      // The owner, or a rank that takes from it, is at a later product: this part is finished.
      if (product > this.#product) return nPieces;
      const nTaken = product === this.#product ? word & ((1 << countBits) - 1) : 0;
      if (nTaken >= nPieces) return nPieces;
      const next = (this.#product << countBits) | (nTaken + 1);
      if (Atomics.compareExchange(this.#words, at, word, next) === word) return nTaken;
    }
  }
}

function wordOf(rank: number): number {
  return (rank * pieceStride) / 4;
}
