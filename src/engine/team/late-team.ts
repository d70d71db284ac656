/**
 * @file Computes on the calling thread until its workers are up. Starting a worker takes longer than the first vector of a small model, and a
 * program that embeds one text needs none. So the workers start after the first batch, over the memory that already holds the weights.
 */
import type { WasmSetup } from '../../kernels/wasm/index.ts';
import type { Result } from '../../models/index.ts';
import type { Batch } from '../../tensor/batch.ts';
import type { Observer } from '../../tensor/ops.ts';
import type { AloneRunner, Runner } from '../batching/runner.ts';
import { filesOf, type OpenModel } from '../load/open-model.ts';
import { Team, type WasmTeamOptions } from './team.ts';

/** Most tokens of a batch that keeps the calling thread; larger ones wait for the workers. */
const mostTokens = 256;

/** What the workers are started with. */
export interface LateWorkers {
  readonly model: OpenModel;
  readonly options: WasmTeamOptions;
  /** Its memory holds the weights. */
  readonly setup: WasmSetup;
  /** Called when the workers cannot be started, and the calling thread goes on. */
  readonly onWarning?: (message: string) => void;
}

/** A runner that begins on the calling thread and goes on in workers. */
export class LateTeam implements Runner {
  readonly backend = 'wasm';
  readonly description: string;
  readonly precision: Runner['precision'];
  readonly threads: number;
  readonly readsFiles: boolean | undefined;
  /** Until they are up, or the end: it refers to the memory. */
  #workers: LateWorkers | undefined;
  /** Computes until the workers do. */
  readonly #here: Runner;
  /** Whether it computes. */
  #isBusy = false;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #team: Team | undefined;
  #starting: Promise<void> | undefined;
  /** The runner of the workers, once they are up. */
  #there: Runner | undefined;

  /** @param here computes with the weights in the memory of `workers.setup`, on one thread */
  constructor(here: Runner, workers: LateWorkers) {
    this.#here = here;
    this.#workers = workers;
    this.description = here.description;
    this.precision = here.precision;
    this.threads = workers.setup.nThreads;
    this.readsFiles = here.readsFiles;
  }

  get inBackground(): boolean {
    return this.#there !== undefined;
  }

  get alone(): AloneRunner | undefined {
    return this.#there?.alone;
  }

  get failure(): Error | undefined {
    return this.#there?.failure;
  }

  async run(batch: Batch, pooling: Result, observer?: Observer): Promise<Float32Array> {
    if (this.#there === undefined && batch.ids.length > mostTokens) await this.#wait();
    if (this.#there !== undefined) return this.#there.run(batch, pooling, observer);
    this.#isBusy = true;
    try {
      return await this.#here.run(batch, pooling, observer);
    } finally {
      this.#isBusy = false;
      this.#leave();
      // The values are delivered first. A program that ends now starts no workers.
      this.#soon ??= setTimeout(() => void this.#start(), 0);
      (this.#soon as { unref?(): void }).unref?.();
    }
  }

  runTower(...pass: Parameters<Runner['runTower']>): ReturnType<Runner['runTower']> {
    return (this.#there ?? this.#here).runTower(...pass);
  }

  profile(): ReturnType<Runner['profile']> {
    return (this.#there ?? this.#here).profile();
  }

  async dispose(): Promise<void> {
    this.#workers = undefined;
    clearTimeout(this.#soon);
    await this.#team?.dispose();
    await this.#here.dispose();
  }

  /** Waits for the workers, which keep the process meanwhile. */
  #wait(): Promise<void> {
    const starting = this.#start();
    this.#team?.keepAlive(true);
    return starting;
  }

  /** Resolves when the workers are up, or cannot be started. */
  #start(): Promise<void> {
    this.#starting ??= this.#startWorkers().catch((error) => {
      void this.#team?.dispose();
      this.#workers?.onWarning?.(`cannot start the compute workers, so the calling thread computes: ${error.message}`);
    });
    return this.#starting;
  }

  async #startWorkers(): Promise<void> {
    if (this.#workers === undefined) return;
    const { model, options, setup } = this.#workers;
    const rowsOnDemand = this.readsFiles;
    this.#team = new Team(setup.nThreads, 'wasm');
    this.#team.keepAlive(false);
    const there = await this.#team.load(model, { ...options, backend: 'wasm', rowsOnDemand }, {}, setup);
    // To the workers, a file is unchanged if it is as they have found it.
    if (rowsOnDemand) for (const { onDemand } of filesOf(model)) onDemand?.assertUnchanged();
    this.#there = there;
    this.#workers = undefined;
    this.#leave();
  }

  /** Frees what the calling thread has computed with, once the workers compute. */
  #leave(): void {
    if (this.#there !== undefined && !this.#isBusy) void this.#here.dispose();
  }
}
