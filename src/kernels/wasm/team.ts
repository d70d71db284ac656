/**
 * @file Workers on one memory: who computes which rows, and how they wait for each other.
 */
import { barrierAddress } from './memory.ts';

/** Fewest tokens for which another worker is woken: the rows of a tile. 8 tokens on two workers take two thirds of the time of one. */
const minTokensPerWorker = 4;

/** A token of a sequence of this many tokens costs twice as much as one alone, because of attention. */
const tokensThatDoubleCost = 2500;

/**
 * How many workers a batch is worth: a short one stays on one worker, because waking another costs more than it saves.
 * @param offsets as in `Batch`
 * @param keepBlocks as in `PrepareOptions`: unpacking weights is worth all workers
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
  /** Sequences whose first token is one of them: [sequences, sequencesEnd). */
  readonly sequences: number;
  readonly sequencesEnd: number;
}

/**
 * Cuts a batch into `nRanks` shares of about equal work. A cut moves to the nearest border between sequences if that costs
 * less than a tenth of a share (then no rank has to wait); inside a sequence it falls on a multiple of 4 rows.
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
/** Values of the abort word: a member has failed and all are about to leave; or the team is given up for good. */
const [failed, givenUp] = [1, 2];

/** Looks at the round this often before it goes to sleep: about 100 µs, several times what ranks that divide columns are apart. */
const spins = 5000;

/** The meeting point of a team in its shared memory. */
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
