/**
 * @file What the workers of a team ask of their owner while they read the weights: bytes of the files, each other's end, and to
 * report how far they are.
 */
import { Transferred } from '../../workers/index.ts';
import { onAbort } from '../abortable.ts';
import type { LoadWatch } from '../batching/runner.ts';
import type { OpenFile, OpenModel } from '../load/open-model.ts';
import type { FileName } from './team-methods.ts';

/** One load of a model by `size` workers. */
export class TeamLoad {
  /** Rejects when the load cannot go on: `signal` is aborted, `onProgress` throws, or `fail` is called. */
  readonly failed: Promise<never>;
  readonly #model: OpenModel;
  readonly #watch: LoadWatch;
  readonly #met: Promise<void>;
  #allMet: () => void = () => {};
  #nMet = 0;
  /** Bytes of weights that each rank has read. */
  readonly #read: number[];
  #reject: (reason: unknown) => void = () => {};
  readonly #forget: (() => void) | undefined;

  constructor(size: number, model: OpenModel, watch: LoadWatch) {
    this.#model = model;
    this.#watch = watch;
    this.#read = new Array(size).fill(0);
    this.#met = new Promise((resolve) => {
      this.#allMet = resolve;
    });
    this.failed = new Promise((_, reject) => {
      this.#reject = reject;
    });
    const { signal } = watch;
    this.#forget = signal && onAbort(signal, () => this.fail(signal.reason));
  }

  fail(reason: unknown): void {
    this.#reject(reason);
  }

  /** No longer listens to `signal`. */
  end(): void {
    this.#forget?.();
  }

  async read({
    file,
    offset,
    length,
    buffer,
  }: {
    file: FileName;
    offset: number;
    length: number;
    buffer: ArrayBuffer;
  }) {
    try {
      await this.#fileOf(file)?.source.read(offset, new Uint8Array(buffer, 0, length));
    } catch (error) {
      // The caller gets the error of its own source, not a copy.
      this.fail(error);
      throw error;
    }
    return new Transferred(buffer, [buffer]);
  }

  #fileOf(name: FileName): OpenFile | undefined {
    if (typeof name === 'number') return this.#model.adapters?.[name];
    return name === 'model' ? this.#model : this.#model.projector;
  }

  /** Resolves when all workers have called it. */
  meet(): Promise<void> {
    this.#nMet++;
    if (this.#nMet === this.#read.length) this.#allMet();
    return this.#met;
  }

  progress(rank: number, { done, total }: { done: number; total: number }): void {
    this.#read[rank] = done;
    try {
      const sum = this.#read.reduce((sum, bytes) => sum + bytes, 0);
      this.#watch.onProgress?.(sum, total);
    } catch (error) {
      this.fail(error);
    }
  }
}
