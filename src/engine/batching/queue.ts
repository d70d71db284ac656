/**
 * @file The inputs of all calls that wait, and the choice of those that make up the next batch.
 *
 * Clients take turns, one input for each turn, until nothing more fits. After its turn, a client goes to the end of the
 * list. The calls of a client take turns the same way, so calls of one input are served in order of arrival, and a short
 * call does not wait behind a long one. A client whose next input does not fit keeps its turn, and the first input of a
 * batch may have any length, so no client starves.
 */
import type { Input, Result } from '../../models/index.ts';
import type { Pixels } from '../../models/vision/index.ts';
import type { Observer } from '../../tensor/ops.ts';

/** Most tokens in an observed batch, of which every intermediate stays in memory, unless a single input is longer. */
const maxObserved = 512;

/** Inputs to compute. */
export interface Job {
  /** Tokens, perhaps with images between them; for the tower, images of the size that it takes. */
  readonly inputs: readonly (Input | Pixels)[];
  /** For pairs: the token at which the second text of each input begins. */
  readonly pairStarts?: readonly number[];
  /** How many tokens at the beginning of each input its tokens see; `undefined`: all. */
  readonly seen?: readonly (number | undefined)[];
  /** The token at which pooling of each input begins, if it is not the first. */
  readonly poolFrom?: readonly (number | undefined)[];
  /** How rows become vectors; `tower` for images, which go through the vision tower. */
  readonly pooling: Result | 'tower';
  readonly observer?: Observer;
  /** The scale of each adapter of the model. Default: none is applied. */
  readonly adapters?: readonly number[];
  /** The client that the job counts for; a job without one is a client of its own. */
  readonly client?: string;
  readonly signal?: AbortSignal;
  /** Called after each batch with the tokens of this job done so far. */
  readonly onTokens?: (done: number) => void;
}

/**
 * Rows of one input: `[1, width]`, or one for each token for pooling `none`, parts of tokens and images. For `vocabulary`: the id and the
 * logit of each token whose logit is positive, `[n, 2]`.
 */
export interface Rows {
  readonly values: Float32Array;
  readonly width: number;
}

/** A job that has not ended. */
export interface Waiting extends Job {
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

/** An input that is computed. */
export interface Taken {
  readonly job: Waiting;
  readonly index: number;
}

/** Waiting inputs. */
export class Queue {
  readonly #nUbatch: number;
  readonly #count: (input: Input | Pixels) => number;
  /** In the order of their turns. */
  readonly #clients: Client[] = [];
  #nInputs = 0;
  #nTokens = 0;

  /**
   * @param nUbatch most tokens in one batch, unless a single input is longer
   * @param count the number of tokens of an input
   */
  constructor(nUbatch: number, count: (input: Input | Pixels) => number) {
    this.#nUbatch = nUbatch;
    this.#count = count;
  }

  /** Number of inputs that wait. */
  get nInputs(): number {
    return this.#nInputs;
  }

  /** Number of tokens of the inputs that wait. */
  get nTokens(): number {
    return this.#nTokens;
  }

  /** The number of tokens of several inputs. */
  countAll(inputs: readonly (Input | Pixels)[]): number {
    return inputs.reduce((sum, input) => sum + this.#count(input), 0);
  }

  /** Puts a job at the end of the queue. */
  add(job: Waiting): void {
    this.#nInputs += job.inputs.length;
    this.#nTokens += this.countAll(job.inputs);
    const client = this.#clients.find(({ name }) => name !== undefined && name === job.client);
    if (client === undefined) this.#clients.push({ name: job.client, jobs: [job] });
    else client.jobs.push(job);
  }

  /** Drops the inputs that have not been taken. */
  remove(job: Waiting): void {
    const dropped = job.inputs.slice(job.next);
    this.#nInputs -= dropped.length;
    this.#nTokens -= this.countAll(dropped);
    job.next = job.inputs.length;
    const at = this.#clients.findIndex(({ jobs }) => jobs.includes(job));
    if (at < 0) return;
    const { jobs } = this.#clients[at];
    jobs.splice(jobs.indexOf(job), 1);
    if (jobs.length === 0) this.#clients.splice(at, 1);
  }

  /** The job with the first input of the next batch. */
  get first(): Waiting | undefined {
    return this.#clients.at(0)?.jobs.at(0);
  }

  /**
   * Chooses the inputs of the next batch.
   * @param textsOnly leaves images in the queue
   * @param mostTokens if it is less than for other batches
   */
  take(textsOnly: boolean, mostTokens = Infinity): Taken[] {
    const clients = this.#clients;
    const first = clients.flatMap(({ jobs }) => jobs).find((job) => !textsOnly || job.pooling !== 'tower');
    if (first === undefined) return [];
    const { pooling, observer, adapters } = first;
    const taken: Taken[] = [];
    let room = Math.min(this.#nUbatch, mostTokens, observer === undefined ? Infinity : maxObserved);
    const fits = (job: Waiting) =>
      job.pooling === pooling &&
      job.observer === observer &&
      haveSameScales(job.adapters, adapters) &&
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
      this.#nInputs--;
      this.#nTokens -= nTokens;
      if (job.next < job.inputs.length) jobs.push(job);
      if (jobs.length > 0) clients.push(client);
    }
    return taken;
  }
}

function haveSameScales(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.every((scale, i) => scale === b[i]));
}
