/**
 * @file One choice of a model at a time. A later choice ends the one before it, so that the model that loads longest does not take the place of the
 * one that was chosen last.
 */
import { signal } from '@preact/signals';
import { report, status } from '../state.ts';

/** The choice of one of the models of the page. */
export class Choosing {
  /** Stops the loading of a model in the page; `undefined` while none is loaded. */
  readonly loading = signal<AbortController | undefined>(undefined);
  #latest: AbortController | undefined;

  /** Does what a choice takes. What fails is reported, unless it was stopped or there is a later choice. */
  async choose(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.end();
    const stop = new AbortController();
    this.#latest = stop;
    try {
      await work(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) report(error);
      else if (this.#latest === stop) status.value = { text: '' };
    } finally {
      if (this.loading.value === stop) this.loading.value = undefined;
    }
  }

  /** The same for a model that computes in the page: a button can stop its loading. */
  load(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const chosen = this.choose(work);
    this.loading.value = this.#latest;
    return chosen;
  }

  /** Ends the choice that is under way. */
  end(): void {
    this.#latest?.abort();
    this.#latest = undefined;
    this.loading.value = undefined;
  }
}
