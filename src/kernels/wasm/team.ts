/**
 * @file Workers on one memory: which rows each computes, and how they wait for each other.
 */
import { barrierAddress, barrierStride } from './memory.ts';
import { defaultThresholds, type Thresholds } from './thresholds.ts';

/**
 * The number of workers for a batch of `tokens`.
 * @param keepBlocks as in `PrepareOptions`: unpacking weights always uses all workers
 */
export function teamSize(
  tokens: number,
  nThreads: number,
  keepBlocks: boolean,
  { tokensPerWorker }: Thresholds = defaultThresholds,
): number {
  return keepBlocks ? nThreads : Math.max(1, Math.min(nThreads, Math.floor(tokens / tokensPerWorker)));
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
 * Divides a batch into shares of about as much work as `parts` says: one number a rank, in any unit. In a sequence of `doubling` tokens, a token costs twice as much as alone, because
 * of attention. A cut moves to the nearest boundary between sequences if that costs less than a
 * tenth of a share; no rank then has to wait. Inside a sequence, cuts are at multiples of 4 rows.
 */
export function shareRows(offsets: Int32Array, parts: readonly number[], doubling: number): Share[] {
  const nSeq = offsets.length - 1;
  const costUntil = new Float64Array(nSeq + 1);
  for (let s = 0; s < nSeq; s++)
    costUntil[s + 1] = costUntil[s] + (offsets[s + 1] - offsets[s]) * costPerToken(offsets, s, doubling);
  const ofOne = costUntil[nSeq] / parts.reduce((sum, part) => sum + part, 0);
  const shares: Share[] = [];
  let [tokens, sequences, cost] = [0, 0, 0];
  for (const [rank, part] of parts.entries()) {
    cost += ofOne * part;
    const isLast = rank === parts.length - 1;
    const end = isLast
      ? offsets[nSeq]
      : Math.max(tokens, cutAt(offsets, costUntil, doubling, cost, (ofOne * part) / 10));
    let sequencesEnd = sequences;
    while (sequencesEnd < nSeq && offsets[sequencesEnd] < end) sequencesEnd++;
    shares.push({ tokens, tokensEnd: end, sequences, sequencesEnd });
    tokens = end;
    sequences = sequencesEnd;
  }
  return shares;
}

/** What the rows of a share cost, in tokens that are alone in their sequence. */
export function costOf({ tokens, tokensEnd }: Share, offsets: Int32Array, doubling: number): number {
  let cost = 0;
  for (let s = 0; s + 1 < offsets.length; s++) {
    const own = Math.min(offsets[s + 1], tokensEnd) - Math.max(offsets[s], tokens);
    if (own > 0) cost += own * costPerToken(offsets, s, doubling);
  }
  return cost;
}

function costPerToken(offsets: Int32Array, s: number, doubling: number): number {
  return 1 + (offsets[s + 1] - offsets[s]) / doubling;
}

function cutAt(
  offsets: Int32Array,
  costUntil: Float64Array,
  doubling: number,
  cost: number,
  tolerance: number,
): number {
  let s = 0;
  while (s + 2 < costUntil.length && costUntil[s + 1] < cost) s++;
  const before = cost - costUntil[s];
  const after = costUntil[s + 1] - cost;
  if (Math.min(before, after) <= tolerance) return before < after ? offsets[s] : offsets[s + 1];
  return Math.min(offsets[s + 1], offsets[s] + Math.round(before / costPerToken(offsets, s, doubling) / 4) * 4);
}

/** Whether some sequence has rows on more than one rank. */
export function sequencesAreSplit(offsets: Int32Array, shares: readonly Share[]): boolean {
  const borders = new Set<number>(offsets);
  return shares.some(({ tokensEnd }) => !borders.has(tokensEnd));
}

const [arrivedWord, roundWord, abortWord, leftWord] = [0, 1, 2, 3].map(
  (word) => (barrierAddress + word * barrierStride) / 4,
);
const wordsEnd = leftWord + 1;
/** Values of the abort word: a member has failed and all are about to leave, or the team has ended for good. */
const [failed, givenUp] = [1, 2];

/**
 * How many times a member polls the round before it sleeps: about 100 µs, several times the distance between ranks that divide columns. Where
 * that was in vain so many times in a row, as it is with more workers than free cores, polling keeps a core from those that it waits for: then
 * about 2 µs, and now and then the full time again.
 */
const [mostSpins, fewestSpins] = [5000, 100];
const [patience, trialEvery] = [4, 32];

/** Synchronises a team through its shared memory. Each member has its own object. */
export class Barrier {
  readonly #words: Int32Array;
  /** Waits in a row that polling did not end. */
  #inVain = 0;

  /** @param memory shared; only its first page is used */
  constructor(memory: WebAssembly.Memory) {
    this.#words = new Int32Array(memory.buffer, 0, wordsEnd);
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
    const isFull = this.#inVain < patience || this.#inVain % trialEvery === 0;
    const spins = isFull ? mostSpins : fewestSpins;
    for (let i = 0; i < spins; i++) {
      if (Atomics.load(words, roundWord) === round) continue;
      if (isFull) this.#inVain = 0;
      return;
    }
    this.#inVain++;
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
