/**
 * @file Packs the inputs of all waiting requests into batches by tokens and runs one batch after the other.
 *
 * The backends guarantee that the result of an input does not depend on the rest of its batch.
 * Images wait in the same queue for the vision tower, in batches of their own. A pass through the tower that takes longer than a batch of
 * texts is computed a few layers at a time, and texts have their turn in between.
 */
import { now } from '../../clock.ts';
import { countTokens, type Input, notNumbers, type PackRules, packInputs, type Result } from '../../models/index.ts';
import { isUnfinished, type Pixels, type TowerInput } from '../../models/vision/index.ts';
import { Turn } from '../../turn.ts';
import { onAbort } from '../abortable.ts';
import { areFinite } from '../outputs/normalize.ts';
import { type BatchSource, WorkerBatches } from '../team/worker-batches.ts';
import type { BatchReport } from '../types.ts';
import { rowsByInput } from './input-rows.ts';
import { type Job, Queue, type Rows, type Taken, type Waiting } from './queue.ts';
import type { Runner } from './runner.ts';

/** What the scheduler needs to know about images. */
export interface ImageRules extends PackRules {
  /** Tokens of a resized image. */
  tokensOf(image: Pixels): number;
  /** Layers of the tower that images together may take without a pause: those that take no longer than a batch of texts, but one or more. */
  layersOf(images: readonly Pixels[]): number;
}

/** A pass of images through the tower. */
interface Pass {
  readonly taken: readonly Taken[];
  readonly images: readonly Pixels[];
  /** How many layers run without a pause. */
  readonly nLayers: number;
  /** Where it continues. */
  from: TowerInput;
  /** Time of its parts so far. */
  seconds: number;
}

/** Delivers what a batch has computed. */
type HandOut = () => void;

/** The queue before one runner. */
export class Scheduler {
  readonly #runner: Runner;
  readonly #images: ImageRules | undefined;
  readonly #onBatch: ((batch: BatchReport) => void) | undefined;
  readonly #queue: Queue;
  readonly #nUbatch: number;
  /** From when workers can compute batches by themselves. */
  #workerBatches: WorkerBatches | undefined;
  /** Jobs that have not ended, including those whose inputs are all in progress. */
  readonly #open = new Set<Waiting>();
  /** The pass that has layers left. */
  #pass: Pass | undefined;
  /** Whether texts come next that wait while a pass pauses. */
  #textsNext = false;
  /** Without a worker, how long batches have kept the calling thread. Calls that arrive meanwhile can share the next batch. */
  readonly #turn = new Turn(5);
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
    this.#queue = new Queue(nUbatch, (input) => this.#count(input));
    this.#onBatch = onBatch;
  }

  /** Number of inputs that wait to be computed. */
  get nWaiting(): number {
    return this.#queue.nInputs;
  }

  /** Number of tokens of the inputs that wait to be computed. */
  get nWaitingTokens(): number {
    return this.#queue.nTokens;
  }

  /** Resolves to the rows of each input, in order; rejects with the signal's reason or the error. */
  submit(job: Job): Promise<Rows[]> {
    return new Promise((resolve, reject) => {
      const { signal } = job;
      if (this.#closed !== undefined) return reject(this.#closed.reason);
      if (signal?.aborted) return reject(signal.reason);
      if (job.inputs.length === 0) return resolve([]);
      let forget: (() => void) | undefined;
      const end = () => {
        forget?.();
        this.#open.delete(waiting);
        this.#queue.remove(waiting);
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
      forget = signal && onAbort(signal, () => waiting.fail(signal.reason));
      this.#open.add(waiting);
      this.#queue.add(waiting);
      if (this.#running === undefined) this.#running = this.#drain();
      else this.#workerBatches?.wake();
    });
  }

  /** Fails all waiting and later jobs, and resolves when the current batch has ended. */
  async close(reason: unknown): Promise<void> {
    this.#closed = { reason };
    for (const job of this.#open) job.fail(reason);
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Requests of the same turn of the event loop share a batch.
    await Promise.resolve();
    let handOut: HandOut | undefined;
    const computing: Promise<HandOut | undefined>[] = [];
    while (this.#queue.nInputs > 0 || this.#pass !== undefined || computing.length > 0 || handOut !== undefined) {
      const workerBatches = this.#batchesOfWorkers();
      if (computing.length === 0 && workerBatches?.suits) {
        handOut?.();
        handOut = undefined;
        await workerBatches.run();
        continue;
      }
      while (computing.length === 0 || this.#mayStart(computing.length)) {
        const next = this.#computeNext();
        if (next === undefined) break;
        computing.push(next);
      }
      // Delivers the last batch; a runner in the background already computes the next one.
      handOut?.();
      handOut = await computing.shift();
      if (!this.#runner.inBackground) {
        handOut?.();
        handOut = undefined;
        // A caller that asks again at once must not keep timers and other input from this thread.
        if (this.#turn.isOver) await this.#turn.pass();
      }
    }
    this.#running = undefined;
  }

  /**
   * Whether a batch may start while `n` are computed: the runner takes so many, and a full batch waits. A batch that is not full may still
   * grow. Layers of images and observed steps come one after the other.
   */
  #mayStart(n: number): boolean {
    const { maxInFlight = 1 } = this.#runner;
    if (n >= maxInFlight || this.#images !== undefined || this.#queue.nTokens < this.#nUbatch) return false;
    return ![...this.#open].some(({ observer }) => observer !== undefined);
  }

  #batchesOfWorkers(): WorkerBatches | undefined {
    const { alone } = this.#runner;
    if (alone === undefined) return undefined;
    this.#workerBatches ??= new WorkerBatches(this.#smallBatches(), alone.nWorkers, this.#nUbatch);
    return this.#workerBatches;
  }

  /** Texts that workers compute by themselves. Images are decoded, and towers run, by all workers. */
  #smallBatches(): BatchSource {
    const queue = this.#queue;
    return {
      get nInputs() {
        return queue.nInputs;
      },
      get nTokens() {
        return queue.nTokens;
      },
      nextTokens: () => {
        const job = queue.first;
        if (job === undefined || job.observer !== undefined || this.#images !== undefined) return undefined;
        return this.#count(job.inputs[job.next]);
      },
      take: (room) => queue.take(true, room),
      compute: (taken, rank) => this.#compute(taken, () => this.#textRows(taken, rank)),
    };
  }

  #count(input: Input | Pixels): number {
    return 'rgb' in input ? (this.#images?.tokensOf(input) ?? 0) : countTokens(input);
  }

  /** Starts the next batch, or the next part of a pass; `undefined` when nothing waits. Resolves to nothing while a pass has layers left. */
  #computeNext(): Promise<HandOut | undefined> | undefined {
    // Nobody waits any more for images whose calls were aborted.
    if (this.#pass?.taken.every(({ job }) => !this.#open.has(job))) this.#pass = undefined;
    const pass = this.#pass;
    const taken = pass === undefined || this.#textsNext ? this.#queue.take(pass !== undefined) : [];
    if (taken.length > 0 && taken[0].job.pooling !== 'tower') {
      this.#textsNext = false;
      return this.#compute(taken, () => this.#textRows(taken));
    }
    this.#textsNext = true;
    const next = taken.length > 0 ? this.#newPass(taken) : pass;
    return next && this.#compute(next.taken, () => this.#imageRows(next));
  }

  #newPass(taken: readonly Taken[]): Pass {
    const images = taken.map(({ job, index }) => job.inputs[index] as Pixels);
    return { taken, images, nLayers: this.#images?.layersOf(images) ?? Infinity, from: images, seconds: 0 };
  }

  /** Computes what was taken; resolves to a function that gives the rows to their jobs. */
  async #compute(taken: readonly Taken[], compute: () => Promise<Rows[] | undefined>): Promise<HandOut | undefined> {
    try {
      const rows = await compute();
      return rows && (() => this.#handOut(taken, rows));
    } catch (error) {
      if (this.#pass?.taken === taken) this.#pass = undefined;
      return () => {
        for (const job of new Set(taken.map(({ job }) => job))) job.fail(error);
      };
    }
  }

  /** The rows of each input that was taken. @param rank the worker that computes them, if it is not all of them */
  async #textRows(taken: readonly Taken[], rank?: number): Promise<Rows[]> {
    const inputs = taken.map(({ job, index }) => job.inputs[index] as Input);
    const start = now();
    const { pooling, observer, adapters } = taken[0].job;
    const pairStarts = taken.map(({ job, index }) => job.pairStarts?.[index]);
    const seen = taken.map(({ job, index }) => job.seen?.[index]);
    const poolFrom = taken.map(({ job, index }) => job.poolFrom?.[index]);
    const packed = packInputs(inputs, pairStarts, this.#images, seen, poolFrom);
    const batch = adapters === undefined ? packed : { ...packed, adapters };
    const values =
      rank === undefined
        ? await this.#runner.run(batch, pooling as Result, observer)
        : await this.#runner.alone!.run(rank, batch, pooling as Result);
    const seconds = (now() - start) / 1000;
    this.#onBatch?.({ nTokens: batch.ids.length, nInputs: inputs.length, nImages: 0, seconds });
    return rowsByInput(batch, values, pooling as Result);
  }

  /** Computes a part of `pass`; resolves to the rows of each image, or to `undefined` while there are layers left. */
  async #imageRows(pass: Pass): Promise<Rows[] | undefined> {
    const { images, nLayers, taken } = pass;
    const start = now();
    const result = await this.#runner.runTower(pass.from, nLayers, taken[0].job.observer);
    pass.seconds += (now() - start) / 1000;
    if (isUnfinished(result)) {
      pass.from = result;
      this.#pass = pass;
      // Lets calls arrive, and signals abort, where the layers have kept the thread.
      if (!this.#runner.inBackground) await this.#turn.pass();
      return undefined;
    }
    this.#pass = undefined;
    const nInputs = images.length;
    this.#onBatch?.({ nTokens: this.#queue.countAll(images), nInputs, nImages: nInputs, seconds: pass.seconds });
    return result.map((values, i) => ({ values, width: values.length / this.#count(images[i]) }));
  }

  #handOut(taken: readonly Taken[], rows: readonly Rows[]): void {
    for (const [i, { job, index }] of taken.entries()) {
      // Who traces an input wants to see where its values stop being numbers.
      if (job.observer === undefined && !areFinite(rows[i].values)) {
        const what = `the result of an input of ${this.#count(job.inputs[index])} tokens`;
        job.fail(notNumbers(what, job.adapters !== undefined));
      }
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
