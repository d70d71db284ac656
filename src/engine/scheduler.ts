/**
 * @file Packs the inputs of all waiting requests into batches by tokens and runs one batch after the other.
 *
 * Clients take turns, one input a turn, until nothing more fits; whoever had a turn goes to the end. Within a client its
 * calls take turns the same way, so calls of one input are served in the order in which they came, and a short call is not
 * stuck behind a long one. A turn is kept by those whose next input does not fit, and the first input of a batch is taken
 * whatever its length: nobody starves.
 * What an input shares its batch with does not change its result: that is a rule of the backends.
 */
import type { Pooling } from '../models/index.ts';
import type { Batch, Observer } from '../tensor/ops.ts';
import type { Runner } from './runner.ts';
import type { BatchReport } from './types.ts';

/** What is to be computed. */
export interface Job {
  readonly inputs: readonly Int32Array[];
  /** Of inputs that are pairs: the token at which the second text of each begins. */
  readonly pairStarts?: readonly number[];
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
  /** Inputs whose rows are there, and their tokens. */
  nDone: number;
  nTokensDone: number;
  readonly succeed: () => void;
  /** Whatever the reason is: callbacks may throw `undefined`. */
  readonly fail: (reason: unknown) => void;
}

/** Calls of one client that have inputs left to take, whose turn it is first. */
interface Client {
  readonly name: string | undefined;
  readonly jobs: Waiting[];
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
  /** In the order of their turns. */
  readonly #clients: Client[] = [];
  /** Jobs that have not ended, those with all inputs under way too. */
  readonly #open = new Set<Waiting>();
  #nWaiting = 0;
  #nWaitingTokens = 0;
  #running: Promise<void> | undefined;
  #closed: { readonly reason: unknown } | undefined;

  /**
   * @param nUbatch most tokens in one batch, unless a single input is longer
   * @param onBatch called after each batch that was computed; what it throws, the jobs of the batch fail with
   */
  constructor(runner: Runner, nUbatch: number, onBatch?: (batch: BatchReport) => void) {
    this.#runner = runner;
    this.#nUbatch = nUbatch;
    this.#onBatch = onBatch;
  }

  /** Inputs that wait to be computed. */
  get nWaiting(): number {
    return this.#nWaiting;
  }

  /** Tokens of the inputs that wait to be computed. */
  get nWaitingTokens(): number {
    return this.#nWaitingTokens;
  }

  /** Resolves to the rows of each input, in order; rejects with the signal's reason or with what went wrong. */
  submit(job: Job): Promise<Rows[]> {
    return new Promise((resolve, reject) => {
      const { signal } = job;
      if (this.#closed !== undefined) return reject(this.#closed.reason);
      if (signal?.aborted) return reject(signal.reason);
      if (job.inputs.length === 0) return resolve([]);
      const onAbort = () => waiting.fail(signal?.reason);
      const end = () => {
        signal?.removeEventListener('abort', onAbort);
        this.#open.delete(waiting);
        this.#leave(waiting);
      };
      const waiting: Waiting = {
        ...job,
        results: new Array(job.inputs.length),
        next: 0,
        nDone: 0,
        nTokensDone: 0,
        succeed: () => {
          end();
          resolve(waiting.results);
        },
        fail: (reason) => {
          end();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#enter(waiting);
      this.#running ??= this.#drain();
    });
  }

  /** Fails everything that waits or is submitted later, and resolves when the batch under way has ended. */
  async close(reason: unknown): Promise<void> {
    this.#closed = { reason };
    for (const job of this.#open) job.fail(reason);
    await this.#running;
  }

  #enter(job: Waiting): void {
    this.#open.add(job);
    this.#nWaiting += job.inputs.length;
    this.#nWaitingTokens += countTokens(job.inputs);
    const client = this.#clients.find(({ name }) => name !== undefined && name === job.client);
    if (client === undefined) this.#clients.push({ name: job.client, jobs: [job] });
    else client.jobs.push(job);
  }

  /** Drops the inputs that were not taken. */
  #leave(job: Waiting): void {
    const dropped = job.inputs.slice(job.next);
    this.#nWaiting -= dropped.length;
    this.#nWaitingTokens -= countTokens(dropped);
    job.next = job.inputs.length;
    const at = this.#clients.findIndex(({ jobs }) => jobs.includes(job));
    if (at < 0) return;
    const { jobs } = this.#clients[at];
    jobs.splice(jobs.indexOf(job), 1);
    if (jobs.length === 0) this.#clients.splice(at, 1);
  }

  async #drain(): Promise<void> {
    // Requests of the same turn of the event loop get into the same batch.
    await Promise.resolve();
    let handOut: (() => void) | undefined;
    while (this.#clients.length > 0 || handOut !== undefined) {
      const computing = this.#clients.length > 0 ? this.#compute(this.#take()) : undefined;
      // What the last batch computed; a runner in the background is busy with the next one by now.
      handOut?.();
      handOut = await computing;
      if (!this.#runner.inBackground) {
        handOut?.();
        handOut = undefined;
      }
    }
    this.#running = undefined;
  }

  /** Chooses the inputs of the next batch. */
  #take(): Taken[] {
    const clients = this.#clients;
    const { pooling, observer } = clients[0].jobs[0];
    const taken: Taken[] = [];
    let room = this.#nUbatch;
    const fits = (job: Waiting) =>
      job.pooling === pooling &&
      job.observer === observer &&
      (job.inputs[job.next].length <= room || taken.length === 0);
    // Those that had a turn come by again at the end of the list; for those passed over there will be no room in this batch.
    for (let at = 0; at < clients.length; ) {
      const { jobs } = clients[at];
      const jobAt = jobs.findIndex(fits);
      if (jobAt < 0) {
        at++;
        continue;
      }
      const [job] = jobs.splice(jobAt, 1);
      const [client] = clients.splice(at, 1);
      const { length } = job.inputs[job.next];
      taken.push({ job, index: job.next++ });
      room -= length;
      this.#nWaiting--;
      this.#nWaitingTokens -= length;
      if (job.next < job.inputs.length) jobs.push(job);
      if (jobs.length > 0) clients.push(client);
    }
    return taken;
  }

  /** Computes a batch; resolves to what hands the rows to their jobs. */
  async #compute(taken: readonly Taken[]): Promise<() => void> {
    const { pooling, observer } = taken[0].job;
    const batch = packBatch(
      taken.map(({ job, index }) => job.inputs[index]),
      taken.map(({ job, index }) => job.pairStarts?.[index]),
    );
    const start = performance.now();
    try {
      const values = await this.#runner.run(batch, pooling, observer);
      const seconds = (performance.now() - start) / 1000;
      this.#onBatch?.({ nTokens: batch.ids.length, nInputs: taken.length, seconds });
      return () => this.#handOut(taken, batch, values);
    } catch (error) {
      return () => {
        for (const job of new Set(taken.map(({ job }) => job))) job.fail(error);
      };
    }
  }

  #handOut(taken: readonly Taken[], batch: Batch, values: Float32Array): void {
    const { pooling } = taken[0].job;
    const nRows = pooling === 'none' ? batch.ids.length : taken.length;
    const width = values.length / nRows;
    for (const [seq, { job, index }] of taken.entries()) {
      const [from, to] = pooling === 'none' ? [batch.offsets[seq], batch.offsets[seq + 1]] : [seq, seq + 1];
      job.results[index] = { values: values.slice(from * width, to * width), width };
      job.nDone++;
      job.nTokensDone += job.inputs[index].length;
    }
    for (const job of new Set(taken.map(({ job }) => job))) {
      if (!this.#open.has(job)) continue;
      try {
        job.onTokens?.(job.nTokensDone);
        if (job.nDone === job.inputs.length) job.succeed();
      } catch (error) {
        job.fail(error);
      }
    }
  }
}

function countTokens(inputs: readonly Int32Array[]): number {
  return inputs.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Puts sequences end to end.
 * @param pairStarts where the second text begins in those that are pairs
 */
export function packBatch(sequences: readonly Int32Array[], pairStarts: readonly (number | undefined)[] = []): Batch {
  const nTokens = countTokens(sequences);
  const ids = new Int32Array(nTokens);
  const positions = new Int32Array(nTokens);
  const offsets = new Int32Array(sequences.length + 1);
  const types = pairStarts.some((start) => start !== undefined) ? new Int32Array(nTokens) : undefined;
  let row = 0;
  for (const [seq, sequence] of sequences.entries()) {
    ids.set(sequence, row);
    for (let i = 0; i < sequence.length; i++) positions[row + i] = i;
    types?.fill(1, row + (pairStarts[seq] ?? sequence.length), row + sequence.length);
    row += sequence.length;
    offsets[seq + 1] = row;
  }
  return { ids, positions, offsets, ...(types && { types }) };
}
