/**
 * @file Loads models on first use, within limits of number and memory: unloads the least recently used model to make room. Never
 * unloads a model that has requests.
 */
import { abortable } from '../../engine/abortable.ts';
import { HttpError } from '../errors.ts';
import { type Opening, PoolEntry, type Running, type StatusChange } from './pool-entry.ts';
import type { ServedModel } from './served-model.ts';

/** Limits of the pool. */
export interface PoolLimits {
  /** Most loaded models; 0: no limit. */
  readonly maxModels: number;
  /** Most bytes of all loaded models; 0: no limit. */
  readonly maxModelBytes: number;
  /** Seconds without a request after which a model is unloaded; 0: never. */
  readonly sleepAfter: number;
}

/** The models of a server. `R` is what `open` returns. */
export class ModelPool<R extends Running> {
  #entries: readonly PoolEntry<R>[];
  readonly #limits: PoolLimits;
  readonly #open: (entry: PoolEntry<R>, signal: AbortSignal) => Promise<R>;
  readonly #onError: (error: unknown) => void;
  readonly #onChange: (entry: PoolEntry<R>, change: StatusChange) => void;
  /** Resolves when no load waits for memory any more. */
  #queue: Promise<void> = Promise.resolve();
  #waiters: (() => void)[] = [];
  #nUses = 0;

  /**
   * @param open loads a model
   * @param onError called with every failure to load or unload
   * @param onChange called when the state of a model has changed
   */
  constructor(
    models: readonly ServedModel[],
    limits: PoolLimits,
    open: (entry: PoolEntry<R>, signal: AbortSignal) => Promise<R>,
    onError: (error: unknown) => void,
    onChange: (entry: PoolEntry<R>, change: StatusChange) => void,
  ) {
    this.#entries = models.map((model) => new PoolEntry<R>(model));
    this.#limits = limits;
    this.#open = open;
    this.#onError = onError;
    this.#onChange = onChange;
  }

  /** All models. */
  get entries(): readonly PoolEntry<R>[] {
    return this.#entries;
  }

  /** Adds a model, in the order of the names. */
  add(model: ServedModel): PoolEntry<R> {
    const entry = new PoolEntry<R>(model);
    this.#entries = [...this.#entries, entry].sort((a, b) => (a.model.id < b.model.id ? -1 : 1));
    return entry;
  }

  /** Removes a model. Resolves when its requests are answered and it is unloaded. */
  async remove(entry: PoolEntry<R>): Promise<void> {
    entry.isRemoved = true;
    this.#entries = this.#entries.filter((other) => other !== entry);
    entry.opening?.abort.abort(new Error('the model was removed'));
    await entry.opening?.done.catch(() => {});
    await (entry.running === undefined ? entry.stopping : this.#stop(entry, false));
  }

  /** What is loaded of a model, from 0 to 1. */
  progress(entry: PoolEntry<R>, value: number): void {
    this.#onChange(entry, { status: 'loading', progress: value });
  }

  /** Counts a use of the model: of all models, it is now the last to make room. */
  countUse(entry: PoolEntry<R>): void {
    entry.lastUse = ++this.#nUses;
  }

  /**
   * Loads the model if necessary, and keeps it loaded while `work` runs.
   * @throws HttpError (500) if it cannot be loaded; the signal's reason; what `work` throws
   */
  async use<T>(entry: PoolEntry<R>, signal: AbortSignal, work: (running: R) => Promise<T>): Promise<T> {
    try {
      const running = await this.#acquire(entry, signal);
      try {
        return await work(running);
      } finally {
        entry.nInFlight--;
      }
    } finally {
      this.#startTimer(entry);
      this.#notify();
    }
  }

  /**
   * Begins to load a model.
   * @throws HttpError if it is already running, or every model that could be unloaded is busy
   */
  load(entry: PoolEntry<R>): void {
    if (entry.status !== 'unloaded' || entry.opening !== undefined || entry.stopping !== undefined) {
      throw new HttpError('invalid_request_error', 'model is already running');
    }
    const { maxModels } = this.#limits;
    const nHeld = this.#entries.filter(({ isHeld }) => isHeld).length;
    if (maxModels > 0 && nHeld >= maxModels && this.#victim() === undefined) {
      throw new HttpError('server_error', 'model limit reached, try again later');
    }
    this.#start(entry, true);
  }

  /**
   * Unloads a model after its current requests are answered.
   * @throws HttpError if it is not running
   */
  unload(entry: PoolEntry<R>): void {
    if (entry.status === 'unloaded' && entry.opening === undefined) {
      throw new HttpError('invalid_request_error', 'model is not running');
    }
    if (entry.isAsleep) this.#onChange(entry, { status: 'unloaded', exitCode: 0 });
    entry.isAsleep = false;
    entry.opening?.abort.abort(new Error('the model was unloaded'));
    if (entry.running !== undefined) void this.#stop(entry, false);
  }

  /** Loads the models that the server loads at the start, one after another. */
  async loadAtStart(): Promise<void> {
    for (const entry of this.#entries) {
      if (!entry.model.loadOnStartup || entry.status !== 'unloaded') continue;
      await (entry.opening ?? this.#start(entry, true)).done.catch(() => {});
    }
  }

  /** Unloads all models. */
  async close(): Promise<void> {
    for (const { opening } of this.#entries) opening?.abort.abort(new Error('the server stops'));
    await Promise.all(this.#entries.map(({ opening }) => opening?.done.catch(() => {})));
    await Promise.all(this.#entries.filter(({ running }) => running).map((entry) => this.#stop(entry, false)));
  }

  /** Resolves when the model is loaded, and counts one more request in progress for it. */
  async #acquire(entry: PoolEntry<R>, signal: AbortSignal): Promise<R> {
    clearTimeout(entry.timer);
    entry.nWaiting++;
    try {
      for (;;) {
        signal.throwIfAborted();
        if (entry.isRemoved) throw new HttpError('invalid_request_error', `model '${entry.model.id}' was removed`);
        if (entry.stopping !== undefined) await abortable(entry.stopping, signal);
        else if (entry.running !== undefined) {
          const { running } = entry;
          if (running.engine.failure === undefined) {
            entry.nInFlight++;
            return running;
          }
          await abortable(this.#stop(entry, false), signal);
        } else if (entry.opening?.abort.signal.aborted) {
          // What stopped this load came before the request.
          await entry.opening.done.catch(() => {});
        } else await abortable((entry.opening ?? this.#start(entry, false)).done, signal);
      }
    } finally {
      entry.nWaiting--;
      const { opening } = entry;
      if (entry.nWaiting === 0 && opening?.isWaiting && !opening.isKept) {
        opening.abort.abort(new Error('no request waits for the model any more'));
      }
    }
  }

  #start(entry: PoolEntry<R>, isKept: boolean): Opening {
    const abort = new AbortController();
    const done = Promise.resolve().then(async () => {
      try {
        await this.#load(entry, opening);
      } finally {
        entry.opening = undefined;
        this.#notify();
      }
    });
    done.catch(() => {});
    const opening: Opening = { done, abort, isWaiting: true, isKept };
    entry.opening = opening;
    return opening;
  }

  async #load(entry: PoolEntry<R>, opening: Opening): Promise<void> {
    const { signal } = opening.abort;
    const { id } = entry.model;
    entry.hasFailed = false;
    try {
      const bytes = await entry.model.size(signal);
      await abortable(
        this.#inOrder(() => this.#makeRoom(entry, bytes, signal)),
        signal,
      );
      opening.isWaiting = false;
      if (!entry.isAsleep) this.#onChange(entry, { status: 'loading' });
      this.progress(entry, 0);
      const running = await this.#open(entry, signal);
      if (signal.aborted) await running.dispose();
      signal.throwIfAborted();
      entry.running = running;
      this.progress(entry, 1);
      entry.isAsleep = false;
      this.countUse(entry);
      this.#onChange(entry, { status: 'loaded' });
      this.#startTimer(entry);
    } catch (error) {
      entry.isHeld = false;
      entry.hasFailed = !signal.aborted;
      entry.isAsleep = false;
      if (!opening.isWaiting || entry.hasFailed) {
        this.#onChange(entry, { status: 'unloaded', exitCode: entry.hasFailed ? 1 : 0 });
      }
      if (!signal.aborted) this.#onError(new Error(`${id}: ${(error as Error).message}`, { cause: error }));
      throw new HttpError('server_error', `model name=${id} failed to load`);
    }
  }

  /** Runs `work` after all earlier work. */
  async #inOrder(work: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    await turn;
  }

  /** Unloads models until a model of `bytes` fits, which holds its place from then on. */
  async #makeRoom(entry: PoolEntry<R>, bytes: number, signal: AbortSignal): Promise<void> {
    const { maxModels, maxModelBytes } = this.#limits;
    if (maxModelBytes > 0 && bytes > maxModelBytes) {
      throw new Error(`the model has ${bytes} bytes, more than all models together may have (${maxModelBytes})`);
    }
    for (;;) {
      signal.throwIfAborted();
      const held = this.#entries.filter(({ isHeld }) => isHeld);
      const total = held.reduce((sum, other) => sum + other.bytes, bytes);
      if ((maxModels === 0 || held.length < maxModels) && (maxModelBytes === 0 || total <= maxModelBytes)) {
        entry.isHeld = true;
        entry.bytes = bytes;
        return;
      }
      const victim = this.#victim();
      if (victim === undefined) await abortable(this.#change(), signal);
      else await this.#stop(victim, false);
    }
  }

  /** The least recently used model without requests. */
  #victim(): PoolEntry<R> | undefined {
    return this.#entries
      .filter(({ running, stopping, nInFlight, nWaiting }) => running && !stopping && nInFlight + nWaiting === 0)
      .reduce<PoolEntry<R> | undefined>((a, b) => (a === undefined || b.lastUse < a.lastUse ? b : a), undefined);
  }

  /** Unloads a model when its requests are answered. */
  #stop(entry: PoolEntry<R>, isAsleep: boolean): Promise<void> {
    clearTimeout(entry.timer);
    entry.stopping ??= (async () => {
      while (entry.nInFlight > 0) await this.#change();
      try {
        await entry.running?.dispose();
      } catch (error) {
        this.#onError(error);
      }
      entry.running = undefined;
      entry.isHeld = false;
      entry.isAsleep = isAsleep;
      entry.stopping = undefined;
      this.#onChange(entry, isAsleep ? { status: 'sleeping' } : { status: 'unloaded', exitCode: 0 });
      this.#notify();
    })();
    return entry.stopping;
  }

  #startTimer(entry: PoolEntry<R>): void {
    const { sleepAfter } = this.#limits;
    clearTimeout(entry.timer);
    if (sleepAfter === 0 || entry.nInFlight + entry.nWaiting > 0) return;
    if (entry.running === undefined || entry.stopping !== undefined) return;
    entry.timer = setTimeout(() => {
      if (entry.nInFlight + entry.nWaiting === 0) void this.#stop(entry, true);
    }, sleepAfter * 1000);
    entry.timer.unref();
  }

  /** Resolves when a request is answered, or a model is loaded or unloaded. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #notify(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
