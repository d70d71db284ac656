/**
 * @file A model that the caller has loaded, or that is loaded when it is first needed: constructors of the frameworks are synchronous, and
 * some frameworks build an object that is never used.
 */
import { abortable } from '../engine/abortable.ts';
import { InputError } from '../engine/errors.ts';
import { isModelSource, MODEL_SOURCES, type ModelSource } from '../engine/load/source.ts';

/** A class of models, `Embedder` or `Reranker`. */
interface ModelClass<T> {
  readonly name: string;
  readonly isLoaded: (model: unknown) => model is T;
  readonly load: (source: ModelSource) => Promise<T>;
}

/** One model, shared by all calls of an adapter. */
export class ModelOnDemand<T extends { dispose(): Promise<void> }> {
  readonly #load: () => Promise<T>;
  readonly #isGiven: boolean;
  #model: Promise<T> | undefined;
  #isDisposed = false;

  /**
   * @param where names the adapter in messages
   * @throws InputError for a value that is neither a loaded model nor a source
   */
  constructor(where: string, model: T | ModelSource, { name, isLoaded, load }: ModelClass<T>) {
    this.#isGiven = isLoaded(model);
    if (isLoaded(model)) {
      this.#load = async () => model;
    } else if (isModelSource(model)) {
      this.#load = () => load(model);
    } else {
      throw new InputError('option', `the model of ${where} must be ${name}, ${MODEL_SOURCES}`);
    }
  }

  /**
   * The model, once it is loaded. All calls share one load; a load that failed is repeated by the next call.
   * @throws what the load throws; the signal's reason, while the load goes on for other calls; Error after `dispose`
   */
  async get(signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    if (this.#isDisposed) throw new Error('this model is disposed: make a new one');
    if (this.#model === undefined) {
      const loading = this.#load();
      this.#model = loading;
      loading.catch(() => {
        if (this.#model === loading) this.#model = undefined;
      });
    }
    return abortable(this.#model, signal);
  }

  /** Frees a model that was loaded here. One that the caller has loaded is left to the caller. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    if (this.#isGiven) return;
    const model = await this.#model?.catch(() => undefined);
    await model?.dispose();
  }
}
