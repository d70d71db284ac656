/**
 * @file Calls of a worker of the page by its owner: one method, one argument, one answer, and notes about the progress.
 */

interface Question {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly note: unknown };

/** How a call is made. */
export interface CallOptions {
  /** Called with each note of the method. */
  readonly onNote?: (note: never) => void;
  /** The call rejects with its reason; the worker goes on. */
  readonly signal?: AbortSignal;
  readonly transfer?: readonly Transferable[];
}

/** The side that asks. */
export class WorkerCalls<
  Methods extends { readonly [Name in keyof Methods]: (params: never, note: never) => unknown },
> {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve(value: never): void; reject(error: unknown): void; onNote?(note: never): void }
  >();
  #next = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(data.id);
      if ('note' in data) return waiting?.onNote?.(data.note as never);
      this.#waiting.delete(data.id);
      if ('error' in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.value as never);
    });
    worker.addEventListener('error', (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message || 'a worker could not start'));
      this.#waiting.clear();
    });
  }

  /**
   * Calls a method.
   * @throws Error with the message of the method's error, the signal's reason
   */
  call<Name extends keyof Methods & string>(
    method: Name,
    params: Parameters<Methods[Name]>[0],
    { onNote, signal, transfer = [] }: CallOptions = {},
  ): Promise<Awaited<ReturnType<Methods[Name]>>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', () => {
        if (this.#waiting.delete(id)) reject(signal.reason);
      });
      this.#waiting.set(id, { resolve, reject, onNote });
      this.#worker.postMessage({ id, method, params } satisfies Question, [...transfer]);
    });
  }

  /** Ends the worker. What waits is never answered. */
  end(): void {
    this.#worker.terminate();
  }
}

type Note = (note: unknown) => void;

/** The side that answers: calls the methods by their names. */
export function answerCalls(methods: Readonly<Record<string, (params: never, note: Note) => unknown>>): void {
  globalThis.addEventListener('message', async ({ data }: MessageEvent<Question>) => {
    const { id, method, params } = data;
    const post = (reply: Reply) => globalThis.postMessage(reply);
    try {
      post({ id, value: await methods[method](params as never, (note) => post({ id, note })) });
    } catch (error) {
      post({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
}
