/**
 * @file Computes in workers: one, or a team of several over one shared memory that run the same forward pass, each on its
 * own rows. `src/kernels/wasm/index.ts` describes how a team works. Starting a thread takes as long as reading a
 * small model, so a team is made before the header is read, and gets its model later.
 */
import { takeSnapshot } from '../gguf/index.ts';
import type { PrepareOptions } from '../kernels/wasm/index.ts';
import type { Tuning } from '../kernels/webgpu/index.ts';
import { type Result, vocabularyArrays } from '../models/index.ts';
import type { TowerInput, TowerResult } from '../models/vision/index.ts';
import type { Precision } from '../tensor/backend.ts';
import type { Batch } from '../tensor/batch.ts';
import type { Observer } from '../tensor/ops.ts';
import {
  canShareRequests,
  isNode,
  linkToWorker,
  RequestSender,
  Transferred,
  type WorkerLink,
} from '../workers/index.ts';
import { firstMeasured, fitThresholds, isMeasuredBefore } from './fit-thresholds.ts';
import type { OpenFile, OpenModel } from './open-model.ts';
import { readProfile } from './profile.ts';
import { type LoadWatch, maxInFlightOf, type Runner } from './runner.ts';
import { writeForward } from './shared-batch.ts';
import {
  type FileName,
  type GpuSetup,
  type LoadedWorker,
  type SharedFile,
  type TeamOwnerMethods,
  type TeamWorkerMethods,
  teamErrorClasses,
  type WorkerBackend,
} from './team-methods.ts';
import type { OpProfile } from './types.ts';
import { workerModule } from './worker-url.ts';

/** The kind and number of workers. */
export type TeamOptions =
  | { readonly backend: 'reference' }
  | { readonly backend: 'webgpu'; readonly options: GpuSetup; readonly onTuning: (tuning: Tuning) => void }
  | {
      readonly backend: 'wasm';
      readonly precision: Precision;
      readonly profile: boolean;
      readonly setup: PrepareOptions;
      /** Workers may read rows of tables when batches need them. The files then stay open if the runner `readsFiles`. Default false. */
      readonly rowsOnDemand?: boolean;
    };

type Member = WorkerLink<TeamWorkerMethods>;

/** Workers that get one model and compute with it. */
export class Team {
  readonly #members: readonly Member[];
  #opened: OpenModel | undefined;
  #watch: LoadWatch = {};
  /** Bytes of weights that each rank has read. */
  readonly #read: number[];
  #abortTeam = () => {};
  #suggestTeam: (offsets: Int32Array) => number = () => 1;
  #fitThresholds = async () => {};
  #nRuns = 0;
  /** Number of calls that wait for an answer; they keep the process alive. */
  #nCalls = 0;
  #nMet = 0;
  #allMet: () => void = () => {};
  readonly #meeting = new Promise<void>((resolve) => {
    this.#allMet = resolve;
  });
  /** Why the team can no longer work: a worker died, or the team was disposed. */
  #ended: Error | undefined;
  #onTuning: (tuning: Tuning) => void = () => {};
  #onStep: Observer = () => {};
  #rejectLoad: (reason: unknown) => void = () => {};
  /** Sends batches, if they go through shared memory. */
  #requests: RequestSender | undefined;

  /**
   * Starts `size` workers. The caller disposes of the team, unless `load` rejects.
   * @param workerUrl URL of the workers' module, if it is not the one in the package
   */
  constructor(size: number, workerUrl?: string | URL) {
    this.#read = new Array(size).fill(0);
    this.#members = Array.from({ length: size }, (_, rank) => this.#startMember(rank, workerUrl));
  }

  /**
   * Has the workers read the weights. When this has resolved, the caller closes the files, unless the runner `readsFiles`. Comes once.
   * @throws what loading a model throws, the signal's reason, or the error of a worker that could not be started; the
   *   workers have ended then
   */
  async load(model: OpenModel, options: TeamOptions, watch: LoadWatch): Promise<Runner> {
    this.#opened = model;
    this.#watch = watch;
    try {
      return await this.#load(model, options);
    } catch (error) {
      await this.dispose();
      throw error;
    } finally {
      this.#opened = undefined;
      this.#watch = {};
    }
  }

  async #load(model: OpenModel, options: TeamOptions): Promise<Runner> {
    const { signal } = this.#watch;
    signal?.throwIfAborted();
    const failed = new Promise<never>((_, reject) => {
      this.#rejectLoad = reject;
    });
    const onAbort = () => this.#rejectLoad(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      const [{ description, readsOnDemand, batchBounds }] = await Promise.race([this.#fill(model, options), failed]);
      this.#keepAlive(false);
      const failure = () => this.#ended;
      return {
        backend: options.backend,
        description,
        precision: precisionOf(options),
        threads: this.#members.length,
        inBackground: true,
        readsFiles: readsOnDemand,
        maxInFlight: maxInFlightOf(options.backend),
        batchBounds,
        get failure() {
          return failure();
        },
        nAlone: options.backend === 'wasm' && !options.setup.keepBlocks ? this.#members.length : 0,
        run: (batch, pooling, observer) => this.#run(batch, pooling, observer),
        runAlone: (rank, batch, pooling) => this.#runAlone(rank, batch, pooling),
        runTower: (from, nLayers, observer) => this.#runTower(from, nLayers, observer),
        profile: () => this.#profile(options),
        dispose: () => this.dispose(),
      };
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #fill(
    { projector: tower, adapters = [], ...opened }: OpenModel,
    options: TeamOptions,
  ): Promise<LoadedWorker[]> {
    const backends = await this.#backends(options);
    if (this.#ended !== undefined) throw this.#ended;
    const share = (file: OpenFile) => shared(file, options.backend === 'wasm' && options.rowsOnDemand === true);
    const files = { model: share(opened), projector: tower && share(tower), adapters: adapters.map(share) };
    const sender = options.backend === 'wasm' && canShareRequests() ? new RequestSender(backends.length) : undefined;
    const loaded = await Promise.all(
      this.#members.map((member, rank) =>
        member.request('load', {
          backend: backends[rank],
          ...files,
          requests: sender && { memory: sender.memory, rank },
        }),
      ),
    );
    this.#requests = sender;
    return loaded;
  }

  /** The backend of each rank. */
  async #backends(options: TeamOptions): Promise<WorkerBackend[]> {
    if (options.backend === 'reference') return [{ name: 'reference' }];
    if (options.backend === 'webgpu') {
      this.#onTuning = options.onTuning;
      return [{ name: 'webgpu', options: options.options }];
    }
    const { precision, profile } = options;
    const { nThreads = 1 } = options.setup;
    if (nThreads === 1) return [{ name: 'wasm', precision, profile, setup: options.setup }];
    const { abortTeam, prepareWasm, suggestTeam } = await import('../kernels/wasm/index.ts');
    const setup = await prepareWasm(options.setup);
    this.#abortTeam = () => abortTeam(setup);
    this.#suggestTeam = (offsets) => suggestTeam(offsets, setup);
    this.#fitThresholds = () =>
      fitThresholds(setup, precision, this.#nRuns === firstMeasured, (known) =>
        this.#together(nThreads, (member) => member.request('measure', { known })),
      );
    return Array.from({ length: nThreads }, (_, rank) => ({ name: 'wasm', precision, profile, setup, rank }));
  }

  #startMember(rank: number, workerUrl: string | URL | undefined): Member {
    const link = linkToWorker<TeamOwnerMethods, TeamWorkerMethods>(
      workerModule(workerUrl),
      {
        read: async ({ file, offset, length, buffer }) => {
          const opened = this.#fileOf(file);
          await opened?.source.read(offset, new Uint8Array(buffer, 0, length));
          return new Transferred(buffer, [buffer]);
        },
        meet: () => this.#meet(),
        progress: (progress) => this.#onProgress(rank, progress),
        step: ({ name, values, rows, cols }) => this.#onStep(name, values, rows, cols),
        tuned: (tuning) => this.#onTuning(tuning),
      },
      { classes: teamErrorClasses, fewObjects: true, died: (error) => this.#memberDied(rank, error) },
    );
    return {
      ...link,
      request: (method, params, options) => {
        this.#requests?.interrupt(rank);
        return link.request(method, params, options);
      },
    };
  }

  #fileOf(name: FileName): OpenFile | undefined {
    if (typeof name === 'number') return this.#opened?.adapters?.[name];
    return name === 'model' ? this.#opened : this.#opened?.projector;
  }

  /** Resolves when all members have called it. */
  #meet(): Promise<void> {
    this.#nMet++;
    if (this.#nMet === this.#members.length) this.#allMet();
    return this.#meeting;
  }

  #onProgress(rank: number, { done, total }: { done: number; total: number }): void {
    this.#read[rank] = done;
    try {
      this.#watch.onProgress?.(
        this.#read.reduce((sum, bytes) => sum + bytes, 0),
        total,
      );
    } catch (error) {
      this.#rejectLoad(error);
    }
  }

  async #run(batch: Batch, pooling: Result, observer: Observer | undefined): Promise<Float32Array> {
    if (this.#ended !== undefined) throw this.#ended;
    if (isMeasuredBefore(++this.#nRuns)) await this.#fitThresholds();
    const team = this.#suggestTeam(batch.offsets);
    const sender = this.#requests;
    const forward = { batch, pooling, team, alone: false };
    if (observer === undefined && sender !== undefined && writeForward(forward, sender.request(0))) {
      return this.#awaken(() => this.#runShared(sender, team));
    }
    return this.#watching(observer, (observed) =>
      this.#together(team, (member) => member.request('run', { ...forward, observed })),
    );
  }

  /** Has one member compute a batch by itself. */
  async #runAlone(rank: number, batch: Batch, pooling: Result): Promise<Float32Array> {
    if (this.#ended !== undefined) throw this.#ended;
    const [member, sender] = [this.#members[rank], this.#requests];
    const forward = { batch, pooling, team: 1, alone: true };
    return this.#awaken(async () => {
      if (sender === undefined || !writeForward(forward, sender.request(rank))) {
        return (await member.request('run', { ...forward, observed: false })) as Float32Array;
      }
      sender.sendTo(rank, () => member.notify('look', undefined));
      const values = await sender.receive(rank);
      return values ?? ((await member.request('collect', undefined)) as Float32Array);
    });
  }

  /** Has the first `team` members compute the batch that is written in shared memory. */
  async #runShared(sender: RequestSender, team: number): Promise<Float32Array> {
    sender.send(team, (rank) => this.#members[rank].notify('look', undefined));
    const values = await sender.receive(0);
    return values ?? this.#together(team, (member) => member.request('collect', undefined));
  }

  async #runTower(from: TowerInput, nLayers: number, observer: Observer | undefined): Promise<TowerResult> {
    if (this.#ended !== undefined) throw this.#ended;
    const team = this.#members.length;
    return this.#watching(observer, (observed) =>
      this.#together(team, (member) => member.request('runTower', { from, nLayers, team, observed })),
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

  /** What rank 0 answers, when the first `team` members do the same. */
  #together<T>(team: number, ask: (member: Member) => Promise<T | undefined>): Promise<T> {
    let firstError: unknown;
    const answers = this.#members.slice(0, team).map((member) =>
      ask(member).catch((error) => {
        firstError ??= error;
      }),
    );
    return this.#awaken(async () => {
      // Rank 0 has the values, and the other ranks have finished with the memory.
      const values = await answers[0];
      if (values !== undefined) return values as T;
      // If one fails, all fail, and the memory is free when the last has answered.
      await Promise.all(answers);
      throw firstError;
    });
  }

  async #profile(options: TeamOptions): Promise<OpProfile[]> {
    if (options.backend !== 'wasm' || !options.profile) return readProfile({});
    if (this.#ended !== undefined) throw this.#ended;
    return this.#awaken(() => this.#members[0].request('profile', undefined));
  }

  /** Keeps the process alive while a call waits for an answer. */
  async #awaken<T>(call: () => Promise<T>): Promise<T> {
    if (this.#nCalls++ === 0) this.#keepAlive(true);
    try {
      return await call();
    } finally {
      if (--this.#nCalls === 0) this.#keepAlive(false);
    }
  }

  #keepAlive(yes: boolean): void {
    for (const member of this.#members) member.keepAlive(yes);
  }

  #memberDied(rank: number, error: Error): void {
    if (this.#ended !== undefined) return;
    const of = this.#members.length > 1 ? ` ${rank + 1} of ${this.#members.length}` : '';
    const message = `compute worker${of} ended unexpectedly (${error.message}): load the model again`;
    void this.#end(new Error(message, { cause: error }));
  }

  /** Ends the team. The first reason counts; a second call does nothing. */
  async #end(reason: Error): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#rejectLoad(reason);
    this.#requests?.close(reason);
    this.#abortTeam();
    // The last references to the shared memory.
    this.#abortTeam = () => {};
    this.#suggestTeam = () => 1;
    this.#fitThresholds = async () => {};
    await Promise.all(this.#members.map((member) => member.terminate(reason)));
  }

  dispose(): Promise<void> {
    return this.#end(new Error('the model is disposed'));
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
