/**
 * @file Gives each worker a batch of its own, where several short texts wait. All workers together compute a text that is alone, or long.
 *
 * Workers that compute a batch together wait for each other in every layer. If another program takes the core of one, all wait for it.
 */
import type { Taken } from '../batching/queue.ts';

/** Most tokens of a batch of one worker: about as many as one core needs to be as fast for each token as with more. */
const mostTokens = 256;

/** What the batches are made of, and how. */
export interface BatchSource {
  /** Inputs that wait, and their tokens. */
  readonly nInputs: number;
  readonly nTokens: number;
  /** Tokens of the input that comes next; `undefined` if a worker cannot compute it by itself. */
  nextTokens(): number | undefined;
  /** Takes inputs of at most `room` tokens, but at least one. */
  take(room: number): Taken[];
  /** Computes what was taken; resolves to a function that delivers it. Does not reject. */
  compute(taken: readonly Taken[], rank: number): Promise<(() => void) | undefined>;
}

/** Keeps workers busy with batches of their own. */
export class WorkerBatches {
  readonly #source: BatchSource;
  readonly #nWorkers: number;
  readonly #mostTokens: number;
  /** Workers that compute nothing. */
  readonly #free: number[];
  /** Inputs that are computed, and their tokens. */
  #nInputs = 0;
  #nTokens = 0;
  #end: (() => void) | undefined;

  /** @param nUbatch most tokens in any batch */
  constructor(source: BatchSource, nWorkers: number, nUbatch: number) {
    this.#source = source;
    this.#nWorkers = nWorkers;
    this.#mostTokens = Math.min(mostTokens, nUbatch);
    this.#free = Array.from({ length: nWorkers }, (_, rank) => rank).reverse();
  }

  /** Whether the next batch is one of these: the next input is short, and there is an input for each worker. */
  get suits(): boolean {
    if (this.#nWorkers < 2 || this.#source.nInputs + this.#nInputs < this.#nWorkers) return false;
    const nTokens = this.#source.nextTokens();
    return nTokens !== undefined && nTokens <= this.#mostTokens;
  }

  /** Computes batches until the next one is of another kind, or nothing waits; resolves when the last one has ended. */
  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#fill();
    });
  }

  /** Has free workers compute what waits, while this runs. */
  wake(): void {
    // Requests of the same turn of the event loop share a batch.
    if (this.#end !== undefined && this.#free.length > 0) void Promise.resolve().then(() => this.#fill());
  }

  #fill(): void {
    while (this.#free.length > 0 && this.suits) this.#start(this.#free.pop()!);
    if (this.#free.length < this.#nWorkers) return;
    this.#end?.();
    this.#end = undefined;
  }

  async #start(rank: number): Promise<void> {
    const before = this.#source.nTokens;
    const taken = this.#source.take(this.#room());
    const nTokens = before - this.#source.nTokens;
    this.#nInputs += taken.length;
    this.#nTokens += nTokens;
    const handOut = await this.#source.compute(taken, rank);
    this.#nInputs -= taken.length;
    this.#nTokens -= nTokens;
    this.#free.push(rank);
    // The worker computes while its results are delivered.
    this.#fill();
    handOut?.();
  }

  /** Most tokens of the next batch: an even part for each worker, in as few rounds as batches of the largest size need. */
  #room(): number {
    const nTokens = this.#source.nTokens + this.#nTokens;
    const nInputs = this.#source.nInputs + this.#nInputs;
    const nRounds = Math.ceil(nTokens / (this.#nWorkers * this.#mostTokens));
    // Half an input more, so that parts are rounded to the nearest number of inputs.
    const evenPart = nTokens / (this.#nWorkers * nRounds) + nTokens / nInputs / 2;
    return Math.min(this.#mostTokens, Math.ceil(evenPart));
  }
}
