/**
 * @file Packs the inputs of all waiting requests into batches by tokens and runs one batch after the other.
 *
 * Clients take turns: a batch takes one input of every client that waits, then another round of them, until nothing more
 * fits; within a client its requests take turns. So a short request is not stuck behind a long one, and a client with many
 * requests gets no more than one with a single one. Who comes first rotates from batch to batch, and the first input of a
 * batch is taken whatever its length: nobody starves.
 * What an input shares its batch with does not change its result: that is a rule of the backends.
 */
import type { Pooling } from '../models/index.ts';
import type { Batch, Observer } from '../tensor/ops.ts';
import type { Runner } from './runner.ts';
import type { BatchReport } from './types.ts';

/** What is to be computed. */
export interface Job {
  readonly inputs: readonly Int32Array[];
  readonly pooling: Pooling;
  readonly observer?: Observer;
  /** Who asks; a job without a client is a client of its own. */
  readonly client?: string;
  readonly signal?: AbortSignal;
  /** Called after each batch with the tokens of this job done so far. */
  readonly onTokens?: (done: number) => void;
}

/** Rows of one input: `[1, width]`, or `[nTokens, width]` for pooling `none`. */
export interface Rows {
  readonly values: Float32Array;
  readonly width: number;
}

interface Waiting extends Job {
  readonly results: Rows[];
  /** Next input to be taken. */
  next: number;
  nTokensDone: number;
  readonly finish: (error?: unknown) => void;
}

interface Taken {
  readonly job: Waiting;
  readonly index: number;
}

/** The queue before one runner. */
export class Scheduler {
  readonly #runner: Runner;
  readonly #nUbatch: number;
  readonly #onBatch: ((batch: BatchReport) => void) | undefined;
  #jobs: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed: { readonly reason: unknown } | undefined;

  /**
   * @param nUbatch most tokens in one batch, unless a single input is longer
   * @param onBatch called after each batch that was computed
   */
  constructor(runner: Runner, nUbatch: number, onBatch?: (batch: BatchReport) => void) {
    this.#runner = runner;
    this.#nUbatch = nUbatch;
    this.#onBatch = onBatch;
  }

  /** Inputs that wait to be computed. */
  get nWaiting(): number {
    return this.#jobs.reduce((sum, job) => sum + job.inputs.length - job.next, 0);
  }

  /** Tokens of the inputs that wait to be computed. */
  get nWaitingTokens(): number {
    let sum = 0;
    for (const { inputs, next } of this.#jobs) {
      for (let i = next; i < inputs.length; i++) sum += inputs[i].length;
    }
    return sum;
  }

  /** Resolves to the rows of each input, in order; rejects with the signal's reason or with what went wrong. */
  submit(job: Job): Promise<Rows[]> {
    return new Promise((resolve, reject) => {
      const { signal } = job;
      if (this.#closed !== undefined) return reject(this.#closed.reason);
      if (signal?.aborted) return reject(signal.reason);
      if (job.inputs.length === 0) return resolve([]);
      const onAbort = () => waiting.finish(signal?.reason);
      const waiting: Waiting = {
        ...job,
        results: new Array(job.inputs.length),
        next: 0,
        nTokensDone: 0,
        finish: (error) => {
          signal?.removeEventListener('abort', onAbort);
          this.#jobs = this.#jobs.filter((other) => other !== waiting);
          if (error === undefined) resolve(waiting.results);
          else reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#jobs.push(waiting);
      this.#running ??= this.#drain();
    });
  }

  /** Fails everything that waits or is submitted later, and resolves when the batch under way has ended. */
  async close(reason: unknown): Promise<void> {
    this.#closed = { reason };
    for (const job of this.#jobs) job.finish(reason);
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Requests of the same turn of the event loop get into the same batch.
    await Promise.resolve();
    for (let turn = 0; this.#jobs.length > 0; turn++) {
      const taken = this.#take(turn);
      await this.#runBatch(taken);
    }
    this.#running = undefined;
  }

  /** Chooses the inputs of the next batch. Jobs wait while they have inputs left to take or under way. */
  #take(turn: number): Taken[] {
    const first = turn % this.#jobs.length;
    const order = [...this.#jobs.slice(first), ...this.#jobs.slice(0, first)];
    const { pooling, observer } = order[0];
    const clients = groupByClient(order.filter((job) => job.pooling === pooling && job.observer === observer));
    const taken: Taken[] = [];
    let room = this.#nUbatch;
    const fits = ({ inputs, next }: Waiting) =>
      next < inputs.length && (inputs[next].length <= room || taken.length === 0);
    for (let found = true; found; ) {
      found = false;
      for (const jobs of clients) {
        const at = jobs.findIndex(fits);
        if (at < 0) continue;
        const [job] = jobs.splice(at, 1);
        jobs.push(job);
        room -= job.inputs[job.next].length;
        taken.push({ job, index: job.next++ });
        found = true;
      }
    }
    return taken;
  }

  async #runBatch(taken: readonly Taken[]): Promise<void> {
    const { pooling, observer } = taken[0].job;
    const batch = packBatch(taken.map(({ job, index }) => job.inputs[index]));
    const start = performance.now();
    let values: Float32Array;
    try {
      values = await this.#runner.run(batch, pooling, observer);
    } catch (error) {
      for (const job of new Set(taken.map(({ job }) => job))) job.finish(error);
      return;
    }
    const seconds = (performance.now() - start) / 1000;
    this.#onBatch?.({ nTokens: batch.ids.length, nInputs: taken.length, seconds });
    const nRows = pooling === 'none' ? batch.ids.length : taken.length;
    const width = values.length / nRows;
    for (const [seq, { job, index }] of taken.entries()) {
      const [from, to] = pooling === 'none' ? [batch.offsets[seq], batch.offsets[seq + 1]] : [seq, seq + 1];
      job.results[index] = { values: values.slice(from * width, to * width), width };
      job.nTokensDone += job.inputs[index].length;
    }
    for (const job of new Set(taken.map(({ job }) => job))) {
      if (!this.#jobs.includes(job)) continue;
      try {
        job.onTokens?.(job.nTokensDone);
        if (job.next === job.inputs.length) job.finish();
      } catch (error) {
        job.finish(error);
      }
    }
  }
}

function groupByClient(jobs: readonly Waiting[]): Waiting[][] {
  const clients = new Map<string | Waiting, Waiting[]>();
  for (const job of jobs) {
    const key = job.client ?? job;
    const group = clients.get(key);
    if (group === undefined) clients.set(key, [job]);
    else group.push(job);
  }
  return [...clients.values()];
}

/** Puts sequences end to end. */
export function packBatch(sequences: readonly Int32Array[]): Batch {
  const nTokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
  const ids = new Int32Array(nTokens);
  const positions = new Int32Array(nTokens);
  const offsets = new Int32Array(sequences.length + 1);
  let row = 0;
  for (const [seq, sequence] of sequences.entries()) {
    ids.set(sequence, row);
    for (let i = 0; i < sequence.length; i++) positions[row + i] = i;
    row += sequence.length;
    offsets[seq + 1] = row;
  }
  return { ids, positions, offsets };
}
