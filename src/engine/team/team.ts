/**
 * @file Computes in workers: one, or a team of several over one shared memory that run the same forward pass, each on its
 * own rows. `src/kernels/wasm/index.ts` describes how a team works. Starting a thread takes as long as reading a
 * small model, so a team is made before the header is read, and gets its model later.
 */
import { takeSnapshot } from '../../gguf/index.ts';
import type { PrepareOptions, WasmSetup } from '../../kernels/wasm/index.ts';
import type { Tuning } from '../../kernels/webgpu/index.ts';
import { type Result, vocabularyArrays } from '../../models/index.ts';
import type { TowerInput, TowerResult } from '../../models/vision/index.ts';
import type { BackendName, Precision } from '../../tensor/backend.ts';
import type { Batch } from '../../tensor/batch.ts';
import type { Observer } from '../../tensor/ops.ts';
import { canShareRequests, isNode, RequestSender } from '../../workers/index.ts';
import { type LoadWatch, maxInFlightOf, type Runner } from '../batching/runner.ts';
import type { OpenFile, OpenModel } from '../load/open-model.ts';
import { readProfile } from '../trace/profile.ts';
import type { OpProfile } from '../types.ts';
import { firstMeasured, fitThresholds, isMeasuredBefore } from './fit-thresholds.ts';
import { writeForward } from './shared-batch.ts';
import { TeamLoad } from './team-load.ts';
import { TeamMembers } from './team-members.ts';
import type { GpuSetup, LoadedWorker, SharedFile, WorkerBackend } from './team-methods.ts';

/** The kind and number of workers. */
export type TeamOptions =
  | { readonly backend: 'reference' }
  | { readonly backend: 'webgpu'; readonly options: GpuSetup; readonly onTuning: (tuning: Tuning) => void }
  | ({ readonly backend: 'wasm' } & WasmTeamOptions);

/** How workers compute on the CPU. */
export interface WasmTeamOptions {
  readonly precision: Precision;
  readonly profile: boolean;
  readonly setup: PrepareOptions;
  /** Workers may read rows of tables when batches need them. The files then stay open if the runner `readsFiles`. Default false. */
  readonly rowsOnDemand?: boolean;
}

/** How workers over one shared memory compute together. */
interface SharedMemoryTeam {
  abort(): void;
  /** How many workers a batch is worth. */
  suggest(offsets: Int32Array): number;
  /** Measures the machine, and sets from how many tokens on more workers compute. */
  fitThresholds(): Promise<void>;
}

/** Workers that get one model and compute with it. */
export class Team {
  readonly #members: TeamMembers;
  /** Only while the model is loaded. */
  #loading: TeamLoad | undefined;
  /** Only of several workers, until they end: these are the last references to their memory. */
  #sharing: SharedMemoryTeam | undefined;
  #nRuns = 0;
  #onTuning: (tuning: Tuning) => void = () => {};
  #onStep: Observer = () => {};
  /** Resolves when all workers have loaded the code of their backend, or the team has ended. */
  readonly started: Promise<unknown>;

  /**
   * Starts `size` workers. The caller disposes of the team, unless `load` rejects.
   * @param workerUrl URL of the workers' module, if it is not the one in the package
   */
  constructor(size: number, backend: BackendName, workerUrl?: string | URL) {
    this.#members = new TeamMembers(
      size,
      workerUrl,
      (rank) => ({
        read: (params) => this.#loading?.read(params) ?? params.buffer,
        meet: () => this.#loading?.meet(),
        progress: (progress) => this.#loading?.progress(rank, progress),
        step: ({ name, values, rows, cols }) => this.#onStep(name, values, rows, cols),
        tuned: (tuning) => this.#onTuning(tuning),
      }),
      (reason) => {
        this.#loading?.fail(reason);
        this.#sharing?.abort();
        this.#sharing = undefined;
      },
    );
    this.started = this.#members.all((member) => member.request('start', { backend })).catch(() => {});
  }

  /**
   * Has the workers read the weights. When this has resolved, the caller closes the files, unless the runner `readsFiles`. Comes once.
   * @param filled memory with the weights, which another thread has filled. The team refers to it until it ends
   * @throws what loading a model throws, the signal's reason, or the error of a worker that could not be started; the
   *   workers have ended then
   */
  async load(model: OpenModel, options: TeamOptions, watch: LoadWatch, filled?: WasmSetup): Promise<Runner> {
    try {
      watch.signal?.throwIfAborted();
      this.#loading = new TeamLoad(this.#members.size, model, watch);
      const [loaded] = await Promise.race([this.#fill(model, options, filled), this.#loading.failed]);
      this.#members.keepAlive(false);
      return this.#makeRunner(loaded, options);
    } catch (error) {
      await this.dispose();
      throw error;
    } finally {
      this.#loading?.end();
      this.#loading = undefined;
    }
  }

  #makeRunner({ description, readsOnDemand, batchBounds }: LoadedWorker, options: TeamOptions): Runner {
    const members = this.#members;
    return {
      backend: options.backend,
      description,
      precision: precisionOf(options),
      threads: members.size,
      inBackground: true,
      readsFiles: readsOnDemand,
      maxInFlight: maxInFlightOf(options.backend),
      batchBounds,
      get failure() {
        return members.ended;
      },
      alone:
        options.backend === 'wasm' && !options.setup.keepBlocks
          ? { nWorkers: members.size, run: (rank, batch, pooling) => this.#runAlone(rank, batch, pooling) }
          : undefined,
      run: (batch, pooling, observer) => this.#run(batch, pooling, observer),
      runTower: (from, nLayers, observer) => this.#runTower(from, nLayers, observer),
      profile: () => this.#profile(options),
      dispose: () => this.dispose(),
    };
  }

  async #fill(
    { projector: tower, adapters = [], ...opened }: OpenModel,
    options: TeamOptions,
    filled: WasmSetup | undefined,
  ): Promise<LoadedWorker[]> {
    const backends = await this.#backends(options, filled);
    this.#members.assertAlive();
    const share = (file: OpenFile) => shared(file, options.backend === 'wasm' && options.rowsOnDemand === true);
    const files = { model: share(opened), projector: tower && share(tower), adapters: adapters.map(share) };
    const sender = options.backend === 'wasm' && canShareRequests() ? new RequestSender(backends.length) : undefined;
    const loaded = await this.#members.all((member, rank) =>
      member.request('load', {
        backend: backends[rank],
        isFilled: filled !== undefined,
        ...files,
        requests: sender && { memory: sender.memory, rank },
      }),
    );
    this.#members.requests = sender;
    return loaded;
  }

  /** The backend of each rank. */
  async #backends(options: TeamOptions, filled: WasmSetup | undefined): Promise<WorkerBackend[]> {
    if (options.backend === 'reference') return [{ name: 'reference' }];
    if (options.backend === 'webgpu') {
      this.#onTuning = options.onTuning;
      return [{ name: 'webgpu', options: options.options }];
    }
    const { precision, profile } = options;
    const { nThreads = 1 } = options.setup;
    if (nThreads === 1 && filled === undefined) return [{ name: 'wasm', precision, profile, setup: options.setup }];
    const setup = await this.#shareMemory(options, nThreads, filled);
    return Array.from({ length: nThreads }, (_, rank) => ({ name: 'wasm', precision, profile, setup, rank }));
  }

  async #shareMemory(
    { setup: options, precision }: WasmTeamOptions,
    nThreads: number,
    filled: WasmSetup | undefined,
  ): Promise<WasmSetup> {
    const { abortTeam, prepareWasm, suggestTeam } = await import('../../kernels/wasm/index.ts');
    const setup = filled ?? (await prepareWasm(options));
    this.#sharing = {
      abort: () => abortTeam(setup),
      suggest: (offsets) => suggestTeam(offsets, setup),
      fitThresholds: () =>
        fitThresholds(setup, precision, this.#nRuns === firstMeasured, (known) =>
          this.#members.together(nThreads, (member) => member.request('measure', { known })),
        ),
    };
    return setup;
  }

  async #run(batch: Batch, pooling: Result, observer: Observer | undefined): Promise<Float32Array> {
    const members = this.#members;
    members.assertAlive();
    if (isMeasuredBefore(++this.#nRuns)) await this.#sharing?.fitThresholds();
    const team = this.#sharing?.suggest(batch.offsets) ?? 1;
    const sender = members.requests;
    const forward = { batch, pooling, team, alone: false };
    if (observer === undefined && sender !== undefined && writeForward(forward, sender.request(0))) {
      const values = await members.sendShared(sender, team);
      return values ?? members.together(team, (member) => member.request('collect', undefined));
    }
    return this.#watching(observer, (observed) =>
      members.together(team, (member) => member.request('run', { ...forward, observed })),
    );
  }

  /** Has one worker compute a batch by itself. */
  async #runAlone(rank: number, batch: Batch, pooling: Result): Promise<Float32Array> {
    this.#members.assertAlive();
    const sender = this.#members.requests;
    const forward = { batch, pooling, team: 1, alone: true };
    return this.#members.one(rank, async (member) => {
      if (sender === undefined || !writeForward(forward, sender.request(rank))) {
        return (await member.request('run', { ...forward, observed: false })) as Float32Array;
      }
      sender.sendTo(rank, () => member.notify('look', undefined));
      const values = await sender.receive(rank);
      return values ?? ((await member.request('collect', undefined)) as Float32Array);
    });
  }

  async #runTower(from: TowerInput, nLayers: number, observer: Observer | undefined): Promise<TowerResult> {
    const members = this.#members;
    members.assertAlive();
    const team = members.size;
    return this.#watching(observer, (observed) =>
      members.together(team, (member) => member.request('runTower', { from, nLayers, team, observed })),
    );
  }

  /** Shows `observer` the steps that rank 0 reports while `compute` runs. */
  async #watching<T>(observer: Observer | undefined, compute: (observed: boolean) => Promise<T>): Promise<T> {
    const watch = watched(observer);
    this.#onStep = watch.observer;
    const result = await compute(observer !== undefined);
    watch.rethrow();
    return result;
  }

  async #profile(options: TeamOptions): Promise<OpProfile[]> {
    if (options.backend !== 'wasm' || !options.profile) return readProfile({});
    this.#members.assertAlive();
    return this.#members.one(0, (member) => member.request('profile', undefined));
  }

  /** Whether workers that do nothing keep the process. They do until `load` has resolved. */
  keepAlive(yes: boolean): void {
    this.#members.keepAlive(yes);
  }

  dispose(): Promise<void> {
    return this.#members.end(new Error('the model is disposed'));
  }
}

/** Wraps an observer: after it throws, it is not called again, and `rethrow` throws the error after the forward pass. */
function watched(observer: Observer | undefined): { readonly observer: Observer; rethrow(): void } {
  let thrown: { readonly reason: unknown } | undefined;
  return {
    observer: (...step) => {
      if (thrown !== undefined) return;
      try {
        observer?.(...step);
      } catch (reason) {
        thrown = { reason };
      }
    },
    rethrow() {
      if (thrown !== undefined) throw thrown.reason;
    },
  };
}

/** What members need to read a file by themselves. */
function shared({ source, file }: OpenFile, staysOpen: boolean): SharedFile {
  const { name, size, descriptor } = source;
  return {
    source: { name, size, descriptor: isNode() ? descriptor : undefined, staysOpen },
    snapshot: takeSnapshot(file, vocabularyArrays(file.metadata)),
  };
}

function precisionOf(options: TeamOptions): Precision {
  if (options.backend === 'reference') return 'exact';
  return options.backend === 'wasm' ? options.precision : options.options.precision;
}
