/**
 * @file How fast each rank computes. Cores differ: some CPUs have slow and fast ones, and other programs hold some of them. Where a batch is divided
 * by rows, each rank measures how long its own rows took, and gets rows in proportion to its speed from the next batch on. This changes no
 * bit of a result.
 *
 * Each rank has three words in shared memory: what its rows cost in this forward and how long they took, and its speed in the last forwards.
 * Rank 0 makes speeds while the others wait at the end of the forward, so that all read the same.
 */
import { maxThreads } from '../../tensor/backend.ts';
import { speedsAddress, speedWords } from './memory.ts';

/** The share of the fastest rank. */
const largestShare = 16;
/** Where no share is smaller, all are even: other work on the machine makes as much of a difference. */
const fewestUneven = 14;
/** The last forward counts this much. Before the first one, all ranks are as fast as each other. */
const newest = 1 / 8;
/** Milliseconds of a forward that is long enough to be measured. */
const shortest = 2;

/** The speeds of a team, seen by one rank. */
export class Speeds {
  readonly #words: Float32Array;
  readonly #rank: number;

  /** @param memory shared; only its first page is used */
  constructor(memory: WebAssembly.Memory, rank: number) {
    this.#words = new Float32Array(memory.buffer, speedsAddress, maxThreads * speedWords);
    this.#rank = rank;
  }

  /** Notes that this rank has taken `milliseconds` for rows that cost as much as `cost` tokens. */
  note(cost: number, milliseconds: number): void {
    this.#words.set([cost, milliseconds], this.#rank * speedWords);
  }

  /** Makes speeds of what all of the first `nRanks` ranks have noted. One rank calls it, while none computes. */
  update(nRanks: number): void {
    const cost = this.#take(nRanks, 0);
    const took = this.#take(nRanks, 1);
    if (Math.max(...took) < shortest || Math.min(...took, ...cost) <= 0) return;
    const speeds = cost.map((tokens, rank) => tokens / took[rank]);
    const mean = speeds.reduce((sum, speed) => sum + speed, 0) / nRanks;
    for (const [rank, speed] of speeds.entries()) {
      const before = this.#speed(rank) || mean;
      this.#words[rank * speedWords + 2] = before + (speed - before) * newest;
    }
  }

  /** The share of each of the first `nRanks` ranks, in equal units; the same on all ranks between two calls of `update`. */
  shares(nRanks: number): number[] {
    const speeds = Array.from({ length: nRanks }, (_, rank) => this.#speed(rank));
    const fastest = Math.max(...speeds);
    const shares = speeds.map((speed) => Math.max(1, Math.round((largestShare * speed) / fastest)));
    const areKnown = speeds.every((speed) => speed > 0);
    return areKnown && Math.min(...shares) < fewestUneven ? shares : shares.map(() => 1);
  }

  #speed(rank: number): number {
    return this.#words[rank * speedWords + 2];
  }

  /** One of the words of the first `nRanks` ranks; they are 0 then. */
  #take(nRanks: number, word: number): number[] {
    return Array.from({ length: nRanks }, (_, rank) => {
      const at = rank * speedWords + word;
      const value = this.#words[at];
      this.#words[at] = 0;
      return value;
    });
  }
}
