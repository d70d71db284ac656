/**
 * @file POST and DELETE /models: models that are downloaded into the cache while the server runs, and removed from there.
 */
import { HttpError } from '../errors.ts';
import type { ModelEvents } from './model-events.ts';
import type { ServedModel } from './served-model.ts';

/** Where models come from at run time. */
export interface ModelStore {
  /** The name of a model in lists, `user/repo` or `user/repo:TAG`. @throws Error for a text that is no such name */
  idOf(name: string): string;
  /**
   * Downloads a model.
   * @param onProgress called with the URL of its repository and bytes
   * @throws what keeps it from being downloaded; the signal's reason
   */
  download(id: string, signal: AbortSignal, onProgress: Progress): Promise<ServedModel>;
  /** Deletes the files of a model. */
  remove(id: string): Promise<void>;
}

type Progress = (url: string, done: number, total: number) => void;

/** Milliseconds between two events of one download. */
const INTERVAL = 250;

interface Download {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** The downloads in progress. */
export class Downloads {
  readonly #store: ModelStore;
  readonly #events: ModelEvents;
  readonly #onError: (error: unknown) => void;
  readonly #underWay = new Map<string, Download>();

  constructor(store: ModelStore, events: ModelEvents, onError: (error: unknown) => void) {
    this.#store = store;
    this.#events = events;
    this.#onError = onError;
  }

  /** Names of the models that are being downloaded. */
  get ids(): readonly string[] {
    return [...this.#underWay.keys()];
  }

  has(id: unknown): boolean {
    return typeof id === 'string' && this.#underWay.has(id);
  }

  /**
   * Begins to download a model.
   * @param isKnown whether the server has a model of this name
   * @param add gets the model when it is there
   * @throws HttpError (400) for a text that is no name, or the name of a model that is there already
   */
  start(name: unknown, isKnown: (id: string) => boolean, add: (model: ServedModel) => void): void {
    const id = this.#idOf(requireName(name));
    if (this.has(id) || isKnown(id)) throw new HttpError('invalid_request_error', `model '${id}' already exists`);
    const abort = new AbortController();
    // After the answer, and after the entry below.
    const done = Promise.resolve().then(() => this.#run(id, abort.signal, add));
    this.#underWay.set(id, { abort, done });
  }

  /** Stops a download. What has arrived is kept for the next one. */
  async stop(id: string): Promise<void> {
    const download = this.#underWay.get(id);
    download?.abort.abort(new Error('the download was stopped'));
    await download?.done;
  }

  /** Deletes the files of a model. */
  remove(id: string): Promise<void> {
    return this.#store.remove(id);
  }

  /** Stops all downloads. */
  async close(): Promise<void> {
    await Promise.all(this.ids.map((id) => this.stop(id)));
  }

  #idOf(name: string): string {
    try {
      return this.#store.idOf(name);
    } catch {
      throw new HttpError('invalid_request_error', 'error: invalid HF repo format, expected <user>/<model>[:quant]');
    }
  }

  async #run(id: string, signal: AbortSignal, add: (model: ServedModel) => void): Promise<void> {
    this.#events.send(id, 'model_status', { status: 'downloading' });
    let last = 0;
    const onProgress: Progress = (url, done, total) => {
      const now = performance.now();
      if (now - last < INTERVAL && done < total) return;
      last = now;
      this.#events.send(id, 'download_progress', { progress: { [url]: { done, total } } });
    };
    try {
      const model = await this.#store.download(id, signal, onProgress);
      signal.throwIfAborted();
      this.#underWay.delete(id);
      add(model);
      this.#events.send(id, 'download_finished');
    } catch (error) {
      this.#underWay.delete(id);
      if (!signal.aborted) this.#onError(new Error(`${id}: ${(error as Error).message}`, { cause: error }));
      this.#events.send(id, 'download_failed');
    }
  }
}

/** @throws HttpError (400) for what is no name */
export function requireName(name: unknown): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new HttpError('invalid_request_error', 'model must be a non-empty string');
}
