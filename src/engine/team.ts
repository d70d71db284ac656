/**
 * @file Computes in workers: one, or a team of several over one shared memory that run the same forward, each on its
 * own rows. How a team works is described in `src/kernels/wasm/index.ts`.
 */
import type { ByteSource } from '../gguf/index.ts';
import type { PrepareOptions } from '../kernels/wasm/index.ts';
import type { Tuning } from '../kernels/webgpu/index.ts';
import type { Pooling } from '../models/index.ts';
import type { Precision } from '../tensor/backend.ts';
import type { Batch } from '../tensor/ops.ts';
import { startWorker, type WorkerHandle, type WorkerModule } from './platform.ts';
import { readProfile } from './profile.ts';
import {
  type FromWorker,
  type GpuSetup,
  receiveError,
  sendError,
  type ToWorker,
  type WorkerBackend,
} from './protocol.ts';
import type { LoadWatch, Runner } from './runner.ts';
import type { OpProfile } from './types.ts';

/** What the workers are to be. */
export type TeamOptions =
  | { readonly backend: 'reference' }
  | { readonly backend: 'webgpu'; readonly options: GpuSetup; readonly onTuning: (tuning: Tuning) => void }
  | {
      readonly backend: 'wasm';
      readonly precision: Precision;
      readonly profile: boolean;
      readonly setup: PrepareOptions;
    };

type Ask = Extract<FromWorker, { kind: 'read' }>;
type Post = (message: ToWorker, transfer?: ArrayBuffer[]) => void;

/** One worker, seen by its owner. */
interface Member {
  readonly handle: WorkerHandle;
  readonly description: Promise<string>;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

interface Pending extends Waiting<Float32Array> {
  readonly id: number;
  /** How many members compute it. */
  readonly team: number;
  /** Of the members that have failed. When one does, all do, and the memory is free when the last has said so. */
  readonly errors: Error[];
}

/**
 * Starts the workers and has rank 0 read the weights from `source`, which the caller closes when this has resolved.
 * @param workerUrl where the module of the workers lies, if not where the package has it
 * @throws what loading a model throws, the signal's reason, or the error of a worker that could not be started
 */
export async function startTeam(
  source: ByteSource,
  options: TeamOptions,
  watch: LoadWatch,
  workerUrl?: string | URL,
): Promise<Runner> {
  const team = new Team(source, watch, workerUrl);
  try {
    return await team.start(options);
  } catch (error) {
    await team.dispose();
    throw error;
  }
}

class Team {
  readonly #source: ByteSource;
  readonly #watch: LoadWatch;
  readonly #workerUrl: string | URL | undefined;
  readonly #members: Member[] = [];
  #abortTeam = () => {};
  #suggestTeam: (offsets: Int32Array) => number = () => 1;
  #pending: Pending | undefined;
  #nRuns = 0;
  /** Calls that wait for a profile, in the order in which rank 0 answers. */
  readonly #profiling: Waiting<OpProfile[]>[] = [];
  /** Why no more work can be done: a worker died, or the team was disposed. */
  #ended: Error | undefined;
  #onTuning: (tuning: Tuning) => void = () => {};
  #rejectLoad: (reason: unknown) => void = () => {};

  constructor(source: ByteSource, watch: LoadWatch, workerUrl: string | URL | undefined) {
    this.#source = source;
    this.#watch = watch;
    this.#workerUrl = workerUrl;
  }

  async start(options: TeamOptions): Promise<Runner> {
    const { signal } = this.#watch;
    signal?.throwIfAborted();
    const failed = new Promise<never>((_, reject) => {
      this.#rejectLoad = reject;
    });
    const onAbort = () => this.#rejectLoad(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      const [description] = await Promise.race([this.#startMembers(options), failed]);
      this.#rest();
      const failure = () => this.#ended;
      return {
        backend: options.backend,
        description,
        precision: precisionOf(options),
        threads: this.#members.length,
        inBackground: true,
        get failure() {
          return failure();
        },
        run: (batch, pooling, observer) => {
          if (observer !== undefined) throw new Error('steps can only be observed with the option worker: false');
          return this.#run(batch, pooling);
        },
        profile: () => this.#profile(options),
        dispose: () => this.dispose(),
      };
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #startMembers(options: TeamOptions): Promise<string[]> {
    const backends = await this.#backends(options);
    if (this.#ended !== undefined) throw this.#ended;
    for (const [rank, backend] of backends.entries()) this.#members.push(this.#startMember(rank, backend));
    return Promise.all(this.#members.map(({ description }) => description));
  }

  /** What each rank is to make. */
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
    this.#suggestTeam = (offsets) => suggestTeam(offsets, nThreads, setup.keepBlocks);
    return Array.from({ length: nThreads }, (_, rank) => ({ name: 'wasm', precision, profile, setup, rank }));
  }

  #startMember(rank: number, backend: WorkerBackend): Member {
    let loaded: (description: string) => void = () => {};
    const description = new Promise<string>((resolve) => {
      loaded = resolve;
    });
    const post: Post = (message, transfer) => handle.post(message, transfer);
    const handle = startWorker(workerModule(this.#workerUrl), {
      died: (error) => this.#memberDied(rank, error),
      message: (data) => {
        const message = data as FromWorker;
        if (message.kind === 'read') void this.#answerRead(message, post);
        else if (message.kind === 'progress') this.#onProgress(message);
        else if (message.kind === 'loaded') loaded(message.description);
        else if (message.kind === 'loadFailed') this.#rejectLoad(receiveError(message.error));
        else if (message.kind === 'tuned') this.#onTuning(message.tuning);
        else if (message.kind === 'profiled') this.#profiled(message.profile);
        else if (message.kind === 'done') this.#done(message.id, message.values);
        else this.#memberFailed(message.id, receiveError(message.error));
      },
    });
    const { name, size } = this.#source;
    post({ kind: 'load', backend, source: { name, size } });
    return { handle, description };
  }

  #onProgress({ done, total }: { done: number; total: number }): void {
    try {
      this.#watch.onProgress?.(done, total);
    } catch (error) {
      this.#rejectLoad(error);
    }
  }

  async #answerRead({ id, offset, length, buffer }: Ask, post: Post): Promise<void> {
    try {
      await this.#source.read(offset, new Uint8Array(buffer, 0, length));
      post({ kind: 'bytes', id, buffer }, [buffer]);
    } catch (error) {
      post({ kind: 'readFailed', id, error: sendError(error) });
    }
  }

  #run(batch: Batch, pooling: Pooling): Promise<Float32Array> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const n = this.#suggestTeam(batch.offsets);
    const id = this.#nRuns++;
    return new Promise((resolve, reject) => {
      this.#pending = { id, team: n, errors: [], resolve, reject };
      for (const { handle } of this.#members.slice(0, n)) {
        handle.keepAlive(true);
        handle.post({ kind: 'run', id, batch, pooling, team: n } satisfies ToWorker);
      }
    });
  }

  async #profile(options: TeamOptions): Promise<OpProfile[]> {
    if (options.backend !== 'wasm' || !options.profile) return readProfile({});
    if (this.#ended !== undefined) throw this.#ended;
    const { handle } = this.#members[0];
    return new Promise((resolve, reject) => {
      this.#profiling.push({ resolve, reject });
      handle.keepAlive(true);
      handle.post({ kind: 'profile' } satisfies ToWorker);
    });
  }

  #profiled(profile: OpProfile[]): void {
    this.#profiling.shift()?.resolve(profile);
    this.#rest();
  }

  /** The process may end while nobody waits for an answer. */
  #rest(): void {
    if (this.#pending !== undefined || this.#profiling.length > 0) return;
    for (const { handle } of this.#members) handle.keepAlive(false);
  }

  /** Rank 0 has the values, and by then nobody else touches the memory. */
  #done(id: number, values: Float32Array): void {
    this.#finish(id)?.resolve(values);
  }

  #memberFailed(id: number, error: Error): void {
    const pending = this.#pending;
    if (pending?.id !== id) return;
    pending.errors.push(error);
    if (pending.errors.length === pending.team) this.#finish(id)?.reject(pending.errors[0]);
  }

  #finish(id: number): Pending | undefined {
    const pending = this.#pending;
    if (pending?.id !== id) return undefined;
    this.#pending = undefined;
    this.#rest();
    return pending;
  }

  #memberDied(rank: number, error: Error): void {
    if (this.#ended !== undefined) return;
    const of = this.#members.length > 1 ? ` ${rank + 1} of ${this.#members.length}` : '';
    const message = `compute worker${of} ended unexpectedly (${error.message}); load the model again`;
    void this.#end(new Error(message, { cause: error }));
  }

  /** The first reason counts; a second call ends nothing twice. */
  async #end(reason: Error): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#rejectLoad(reason);
    for (const waiting of [this.#pending, ...this.#profiling.splice(0)]) waiting?.reject(reason);
    this.#pending = undefined;
    this.#abortTeam();
    // The last references to the shared memory.
    this.#abortTeam = () => {};
    this.#suggestTeam = () => 1;
    await Promise.all(this.#members.map(({ handle }) => handle.terminate()));
  }

  dispose(): Promise<void> {
    return this.#end(new Error('the model was disposed of'));
  }
}

function precisionOf(options: TeamOptions): Precision {
  if (options.backend === 'reference') return 'exact';
  return options.backend === 'wasm' ? options.precision : options.options.precision;
}

const workerFile = './team-worker.ts';

/**
 * The module that workers run. `start` has the one form in which bundlers see that there is a worker; the path that `url`
 * takes for Node must not be a literal, or they would copy the module as it is. The build turns `.ts` into `.js` in both.
 */
function workerModule(url: string | URL | undefined): WorkerModule {
  if (url !== undefined) return { url: () => url, start: () => new Worker(url, { type: 'module' }) };
  return {
    url: () => new URL(workerFile, import.meta.url),
    start: () => new Worker(new URL('./team-worker.ts', import.meta.url), { type: 'module' }),
  };
}
