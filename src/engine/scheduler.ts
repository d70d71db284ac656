/**
 * @file Packs the inputs of all waiting requests into batches by tokens and runs one batch after the other.
 *
 * Clients take turns, one input for each turn, until nothing more fits. After its turn, a client goes to the end of the
 * list. The calls of a client take turns the same way, so calls of one input are served in order of arrival, and a short
 * call does not wait behind a long one. A client whose next input does not fit keeps its turn, and the first input of a
 * batch may have any length, so no client starves.
 * The backends guarantee that the result of an input does not depend on the rest of its batch.
 * Images wait in the same queue for the vision tower, in batches of their own.
 */
import { countTokens, type Input, type PackRules, type Pooling, packInputs } from '../models/index.ts';
import type { Pixels } from '../models/vision/index.ts';
import { pooledRows } from '../tensor/batch.ts';
import type { Batch, Observer } from '../tensor/ops.ts';
import type { Runner } from './runner.ts';
import type { BatchReport } from './types.ts';

/** Inputs to compute. */
export interface Job {
  /** Tokens, perhaps with images between them; for the tower, images of the size that it takes. */
  readonly inputs: readonly (Input | Pixels)[];
  /** For pairs: the token at which the second text of each input begins. */
  readonly pairStarts?: readonly number[];
  /** How rows become vectors; `tower` for images, which go through the vision tower. */
  readonly pooling: Pooling | 'tower';
  readonly observer?: Observer;
  /** The client that the job counts for; a job without one is a client of its own. */
  readonly client?: string;
  readonly signal?: AbortSignal;
  /** Called after each batch with the tokens of this job done so far. */
  readonly onTokens?: (done: number) => void;
}

/** Rows of one input: `[1, width]`, or one for each token for pooling `none` and images. */
export interface Rows {
  readonly values: Float32Array;
  readonly width: number;
}

interface Waiting extends Job {
  readonly results: Rows[];
  /** Next input to be taken. */
  next: number;
  /** Inputs whose rows are computed, and their tokens. */
  nDone: number;
  nTokensDone: number;
  readonly succeed: () => void;
  /** The reason has any type, because callbacks may throw `undefined`. */
  readonly fail: (reason: unknown) => void;
}

/** Calls of one client that have inputs left, the next one first. */
interface Client {
  readonly name: string | undefined;
  readonly jobs: Waiting[];
}

interface Taken {
  readonly job: Waiting;
  readonly index: number;
}

/** What the scheduler needs to know about images. */
export interface ImageRules extends PackRules {
  /** Tokens of a resized image. */
  tokensOf(image: Pixels): number;
}

/** The queue before one runner. */
export class Scheduler {
  readonly #runner: Runner;
  readonly #images: ImageRules | undefined;
  readonly #nUbatch: number;
  readonly #onBatch: ((batch: BatchReport) => void) | undefined;
  /** In the order of their turns. */
  readonly #clients: Client[] = [];
  /** Jobs that have not ended, including those whose inputs are all in progress. */
  readonly #open = new Set<Waiting>();
  #nWaiting = 0;
  #nWaitingTokens = 0;
  #running: Promise<void> | undefined;
  #closed: { readonly reason: unknown } | undefined;

  /**
   * @param nUbatch most tokens in one batch, unless a single input is longer
   * @param onBatch called after each computed batch; if it throws, the jobs of the batch fail with that error
   * @param images needed for inputs with images
   */
  constructor(runner: Runner, nUbatch: number, onBatch?: (batch: BatchReport) => void, images?: ImageRules) {
    this.#runner = runner;
    this.#images = images;
    this.#nUbatch = nUbatch;
    this.#onBatch = onBatch;
  }

  /** Number of inputs that wait to be computed. */
  get nWaiting(): number {
    return this.#nWaiting;
  }

  /** Number of tokens of the inputs that wait to be computed. */
  get nWaitingTokens(): number {
    return this.#nWaitingTokens;
  }

  /** Resolves to the rows of each input, in order; rejects with the signal's reason or the error. */
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

  /** Fails all waiting and later jobs, and resolves when the current batch has ended. */
  async close(reason: unknown): Promise<void> {
    this.#closed = { reason };
    for (const job of this.#open) job.fail(reason);
    await this.#running;
  }

  #enter(job: Waiting): void {
    this.#open.add(job);
    this.#nWaiting += job.inputs.length;
    this.#nWaitingTokens += this.#countAll(job.inputs);
    const client = this.#clients.find(({ name }) => name !== undefined && name === job.client);
    if (client === undefined) this.#clients.push({ name: job.client, jobs: [job] });
    else client.jobs.push(job);
  }

  /** Drops the inputs that have not been taken. */
  #leave(job: Waiting): void {
    const dropped = job.inputs.slice(job.next);
    this.#nWaiting -= dropped.length;
    this.#nWaitingTokens -= this.#countAll(dropped);
    job.next = job.inputs.length;
    const at = this.#clients.findIndex(({ jobs }) => jobs.includes(job));
    if (at < 0) return;
    const { jobs } = this.#clients[at];
    jobs.splice(jobs.indexOf(job), 1);
    if (jobs.length === 0) this.#clients.splice(at, 1);
  }

  async #drain(): Promise<void> {
    // Requests of the same turn of the event loop share a batch.
    await Promise.resolve();
    let handOut: (() => void) | undefined;
    while (this.#clients.length > 0 || handOut !== undefined) {
      const computing = this.#clients.length > 0 ? this.#compute(this.#take()) : undefined;
      // Delivers the last batch; a runner in the background already computes the next one.
      handOut?.();
      handOut = await computing;
      if (!this.#runner.inBackground) {
        handOut?.();
        handOut = undefined;
      }
    }
    this.#running = undefined;
  }

  #count(input: Input | Pixels): number {
    return isPixels(input) ? (this.#images?.tokensOf(input) ?? 0) : countTokens(input);
  }

  #countAll(inputs: readonly (Input | Pixels)[]): number {
    return inputs.reduce((sum, input) => sum + this.#count(input), 0);
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
      (this.#count(job.inputs[job.next]) <= room || taken.length === 0);
    // Clients that had a turn come again at the end of the list; those that were passed over do not fit in this batch.
    for (let at = 0; at < clients.length; ) {
      const { jobs } = clients[at];
      const jobAt = jobs.findIndex(fits);
      if (jobAt < 0) {
        at++;
        continue;
      }
      const [job] = jobs.splice(jobAt, 1);
      const [client] = clients.splice(at, 1);
      const nTokens = this.#count(job.inputs[job.next]);
      taken.push({ job, index: job.next++ });
      room -= nTokens;
      this.#nWaiting--;
      this.#nWaitingTokens -= nTokens;
      if (job.next < job.inputs.length) jobs.push(job);
      if (jobs.length > 0) clients.push(client);
    }
    return taken;
  }

  /** Computes a batch; resolves to a function that gives the rows to their jobs. */
  async #compute(taken: readonly Taken[]): Promise<() => void> {
    try {
      const rows = await this.#rowsOf(taken);
      return () => this.#handOut(taken, rows);
    } catch (error) {
      return () => {
        for (const job of new Set(taken.map(({ job }) => job))) job.fail(error);
      };
    }
  }

  /** The rows of each input that was taken. */
  async #rowsOf(taken: readonly Taken[]): Promise<Rows[]> {
    const inputs = taken.map(({ job, index }) => job.inputs[index]);
    const start = performance.now();
    const report = (nTokens: number, nImages: number) => {
      const seconds = (performance.now() - start) / 1000;
      this.#onBatch?.({ nTokens, nInputs: taken.length, nImages, seconds });
    };
    const { pooling, observer } = taken[0].job;
    if (pooling === 'tower') {
      const rows = await this.#runner.encodeImages(inputs as readonly Pixels[]);
      report(this.#countAll(inputs), inputs.length);
      return rows.map((values, i) => ({ values, width: values.length / this.#count(inputs[i]) }));
    }
    const pairStarts = taken.map(({ job, index }) => job.pairStarts?.[index]);
    const batch = packInputs(inputs as readonly Input[], pairStarts, this.#images);
    const values = await this.#runner.run(batch, pooling, observer);
    report(batch.ids.length, 0);
    return rowsByInput(batch, values, pooling);
  }

  #handOut(taken: readonly Taken[], rows: readonly Rows[]): void {
    for (const [i, { job, index }] of taken.entries()) {
      job.results[index] = rows[i];
      job.nDone++;
      job.nTokensDone += this.#count(job.inputs[index]);
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

/** Token vectors of an input begin where its pooling begins. */
function rowsByInput(batch: Batch, values: Float32Array, pooling: Pooling): Rows[] {
  const { ids, offsets } = batch;
  const nInputs = offsets.length - 1;
  const width = values.length / (pooling === 'none' ? ids.length : nInputs);
  return Array.from({ length: nInputs }, (_, i) => {
    const [from, to] = pooling === 'none' ? pooledRows(batch, i, 'none') : [i, i + 1];
    return { values: values.slice(from * width, to * width), width };
  });
}

function isPixels(input: Input | Pixels): input is Pixels {
  return 'rgb' in input;
}
