/**
 * @file Requests with large bodies are read, checked, tokenized and answered in a worker, so that the thread that serves
 * HTTP has time for all others. The worker is started when the first one comes and ended when none has come for a while.
 */
import { Worker } from 'node:worker_threads';
import { Turn } from '../turn.ts';
import { HttpError, toHttpError } from './errors.ts';
import type { FromLargeWorker, ToLargeWorker, WorkerData } from './large-request-protocol.ts';
import type { LargeRequest, LargeRequestHandler, Service } from './service.ts';
import { computeVectors } from './vectors.ts';

/** Milliseconds without a large request after which the worker is ended. */
const IDLE = 60_000;
/** Most values in one message of vectors, unless a single vector has more. */
const PORTION = 1 << 18;

interface Pending extends LargeRequest {
  readonly worker: Worker;
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (reason: unknown) => void;
}

/** Runs the worker for the model at a path. */
export class LargeRequests implements LargeRequestHandler {
  readonly #source: string;
  readonly #idle: number;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  /** Resolves when the worker listens: Deno loses what is posted earlier. */
  #ready: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #nRequests = 0;

  /**
   * @param source path of the model
   * @param idle milliseconds without a request after which the worker is ended
   */
  constructor(source: string, idle = IDLE) {
    this.#source = source;
    this.#idle = idle;
  }

  /** Whether a worker is running. */
  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** The body of the answer. Throws what the handler throws, and Error when the worker ended, for lack of memory say. */
  async handle(request: LargeRequest): Promise<Uint8Array<ArrayBuffer>> {
    const { path, bytes, type, signal } = request;
    signal.throwIfAborted();
    clearTimeout(this.#timer);
    const worker = (this.#worker ??= this.#start(request.service));
    const id = this.#nRequests++;
    const send = (message: ToLargeWorker, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer);
    const onAbort = () => {
      send({ kind: 'abort', id });
      this.#pending.get(id)?.reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { ...request, worker, resolve, reject });
        void this.#ready.then(() => {
          if (this.#pending.has(id)) send({ kind: 'request', id, path, bytes, type }, [bytes.buffer]);
        });
      });
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#timer = setTimeout(() => void this.close(), this.#idle).unref();
    }
  }

  /** Ends the worker; requests under way fail. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    // A request that comes while it ends starts another one.
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start({ engine, options }: Service): Worker {
    const workerData: WorkerData = { source: this.#source, info: engine.info, settings: options };
    const worker = new Worker(new URL('./large-request-worker.js', import.meta.url), { workerData });
    worker.unref();
    this.#ready = new Promise((resolve) => worker.once('message', resolve));
    let problem = new Error('the worker for large requests was ended');
    worker.on('message', (message: FromLargeWorker) => this.#hear(worker, message));
    worker.on('error', (error) => {
      problem = new Error(`large requests failed: ${error.message}`, { cause: error });
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const pending of this.#pending.values()) if (pending.worker === worker) pending.reject(problem);
    });
    return worker;
  }

  #hear(worker: Worker, message: FromLargeWorker): void {
    if (message.kind === 'ready') return;
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === 'answer') pending.resolve(message.bytes);
    else if (message.kind === 'embed') void embed(worker, pending, message);
    else {
      const { type, message: text, ...more } = message.error;
      pending.reject(new HttpError(type, text, more));
    }
  }
}

async function embed(
  worker: Worker,
  request: LargeRequest,
  { id, ids, offsets, options }: Extract<FromLargeWorker, { kind: 'embed' }>,
): Promise<void> {
  const send = (message: ToLargeWorker, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer);
  try {
    const inputs = Array.from({ length: offsets.length - 1 }, (_, i) => ids.subarray(offsets[i], offsets[i + 1]));
    const { vectors, dimensions } = await computeVectors(request, inputs, options);
    const turn = new Turn();
    for (let from = 0, to = 0; from < vectors.length; from = to) {
      let length = 0;
      while (to < vectors.length && (to === from || length + vectors[to].length <= PORTION))
        length += vectors[to++].length;
      const values = new Float32Array(length);
      const lengths = vectors.slice(from, to).map((vector) => vector.length);
      for (let i = from, at = 0; i < to; at += vectors[i++].length) values.set(vectors[i], at);
      send({ kind: 'vectors', id, values, lengths }, [values.buffer]);
      if (turn.isOver) await turn.pass();
    }
    send({ kind: 'embedded', id, dimensions });
  } catch (error) {
    const { type, message, details, headers } = toHttpError(error);
    send({ kind: 'embedFailed', id, error: { type, message, details, headers } });
  }
}
