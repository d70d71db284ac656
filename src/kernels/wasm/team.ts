/**
 * @file Workers on one memory: which rows each computes, and how they wait for each other.
 */
import { barrierAddress } from './memory.ts';

/**
 * The fewest tokens for which another worker is woken: the rows of a tile. For 8 tokens, two workers take two thirds of the time of one.
 */
const minTokensPerWorker = 4;

/** In a sequence of this many tokens, a token costs twice as much as alone, because of attention. */
const tokensThatDoubleCost = 2500;

/**
 * The number of workers for a batch. A short batch stays on one worker, because waking another costs more than it saves.
 * @param offsets as in `Batch`
 * @param keepBlocks as in `PrepareOptions`: unpacking weights always uses all workers
 */
export function suggestTeam(offsets: Int32Array, nThreads: number, keepBlocks = false): number {
  if (keepBlocks) return nThreads;
  const tokens = offsets[offsets.length - 1];
  return Math.max(1, Math.min(nThreads, Math.floor(tokens / minTokensPerWorker)));
}

/** The rows of one rank. */
export interface Share {
  /** Tokens [tokens, tokensEnd). */
  readonly tokens: number;
  readonly tokensEnd: number;
  /** The sequences whose first token is in that range: [sequences, sequencesEnd). */
  readonly sequences: number;
  readonly sequencesEnd: number;
}

/**
 * Divides a batch into `nRanks` shares of about equal work. A cut moves to the nearest boundary between sequences if that costs less than a
 * tenth of a share; no rank then has to wait. Inside a sequence, cuts are at multiples of 4 rows.
 */
export function shareRows(offsets: Int32Array, nRanks: number): Share[] {
  const nSeq = offsets.length - 1;
  const costUntil = new Float64Array(nSeq + 1);
  for (let s = 0; s < nSeq; s++)
    costUntil[s + 1] = costUntil[s] + (offsets[s + 1] - offsets[s]) * costPerToken(offsets, s);
  const share = costUntil[nSeq] / nRanks;
  const shares: Share[] = [];
  let [tokens, sequences] = [0, 0];
  for (let rank = 1; rank <= nRanks; rank++) {
    const end = rank === nRanks ? offsets[nSeq] : Math.max(tokens, cutAt(offsets, costUntil, share * rank, share / 10));
    let sequencesEnd = sequences;
    while (sequencesEnd < nSeq && offsets[sequencesEnd] < end) sequencesEnd++;
    shares.push({ tokens, tokensEnd: end, sequences, sequencesEnd });
    tokens = end;
    sequences = sequencesEnd;
  }
  return shares;
}

function costPerToken(offsets: Int32Array, s: number): number {
  return 1 + (offsets[s + 1] - offsets[s]) / tokensThatDoubleCost;
}

function cutAt(offsets: Int32Array, costUntil: Float64Array, cost: number, tolerance: number): number {
  let s = 0;
  while (s + 2 < costUntil.length && costUntil[s + 1] < cost) s++;
  const before = cost - costUntil[s];
  const after = costUntil[s + 1] - cost;
  if (Math.min(before, after) <= tolerance) return before < after ? offsets[s] : offsets[s + 1];
  return Math.min(offsets[s + 1], offsets[s] + Math.round(before / costPerToken(offsets, s) / 4) * 4);
}

/** Whether some sequence has rows on more than one rank. */
export function sequencesAreSplit(offsets: Int32Array, shares: readonly Share[]): boolean {
  const borders = new Set<number>(offsets);
  return shares.some(({ tokensEnd }) => !borders.has(tokensEnd));
}

const [arrivedWord, roundWord, abortWord, leftWord] = [0, 1, 2, 3].map((word) => barrierAddress / 4 + word);
/** Values of the abort word: a member has failed and all are about to leave, or the team has ended for good. */
const [failed, givenUp] = [1, 2];

/** How many times a member polls the round before it sleeps: about 100 µs, several times the distance between ranks that divide columns. */
const spins = 5000;

/** Synchronises a team through its shared memory. */
export class Barrier {
  readonly #words: Int32Array;

  /** @param memory shared; only its first page is used */
  constructor(memory: WebAssembly.Memory) {
    this.#words = new Int32Array(memory.buffer, 0, 1024);
  }

  /**
   * Returns when all `n` members have called it.
   * @throws Error when another member has failed
   */
  wait(n: number): void {
    const words = this.#words;
    const round = Atomics.load(words, roundWord);
    if (Atomics.add(words, arrivedWord, 1) === n - 1) {
      Atomics.store(words, arrivedWord, 0);
      Atomics.add(words, roundWord, 1);
      Atomics.notify(words, roundWord);
      return;
    }
    for (let i = 0; i < spins; i++) if (Atomics.load(words, roundWord) !== round) return;
    while (Atomics.load(words, roundWord) === round) {
      if (Atomics.load(words, abortWord) !== 0) throw new Error('another worker of the team has failed');
      Atomics.wait(words, roundWord, round, 100);
    }
  }

  /** Called by every member that leaves a forward with an error, the one that failed and those that `wait` threw in. */
  leave(n: number): void {
    const words = this.#words;
    Atomics.compareExchange(words, abortWord, 0, failed);
    Atomics.notify(words, roundWord);
    if (Atomics.add(words, leftWord, 1) === n - 1) {
      Atomics.store(words, leftWord, 0);
      Atomics.store(words, arrivedWord, 0);
      Atomics.compareExchange(words, abortWord, failed, 0);
    }
  }

  /** Ends the team: every current and future wait fails. */
  giveUp(): void {
    Atomics.store(this.#words, abortWord, givenUp);
    Atomics.notify(this.#words, roundWord);
  }
}
