/**
 * @file Reads, checks, tokenizes and answers requests with large bodies in a worker, so that the thread that serves HTTP stays
 * free for all others. The worker starts with the first large request and ends after a while without one.
 */
import type { Embeddings, EmbedInput } from '../../engine/index.ts';
import { Turn } from '../../turn.ts';
import { linkToWorker, type WorkerLink } from '../../workers/index.ts';
import { toHttpError } from '../errors.ts';
import type { LargeRequest, LargeRequestHandler } from '../request.ts';
import type { ModelState } from '../state.ts';
import { computeVectors } from '../vectors/compute-vectors.ts';
import { type LargeOwnerMethods, type LargeWorkerMethods, largeErrorClasses } from './large-request-methods.ts';
import { packOutputs } from './packed-outputs.ts';

/** Milliseconds without a large request after which the worker ends. */
const IDLE = 60_000;
/** Maximum number of values in a message of vectors, unless a single vector has more. */
const PORTION = 1 << 18;

type LargeWorker = WorkerLink<LargeWorkerMethods>;

/** Runs the worker. */
export class LargeRequests implements LargeRequestHandler {
  readonly #idle: number;
  readonly #pending = new Map<number, LargeRequest>();
  #worker: LargeWorker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nRequests = 0;

  /** @param idle milliseconds without a request after which the worker ends */
  constructor(idle = IDLE) {
    this.#idle = idle;
  }

  /** Whether a worker is running. */
  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** Resolves to the body of the answer. Throws what the handler throws, and Error if the worker ends, for example for lack of memory. */
  async handle(request: LargeRequest): Promise<Uint8Array<ArrayBuffer>> {
    const { path, bytes, type, signal } = request;
    signal.throwIfAborted();
    clearTimeout(this.#timer);
    const worker = (this.#worker ??= this.#start(request.state));
    const id = this.#nRequests++;
    this.#pending.set(id, request);
    try {
      return await worker.request('answer', { id, path, bytes, type }, { transfer: [bytes.buffer], signal });
    } finally {
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#timer = setTimeout(() => void this.close(), this.#idle).unref();
    }
  }

  /** Ends the worker; its requests fail. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    // A request that arrives meanwhile starts a new worker.
    this.#worker = undefined;
    await worker?.terminate(new Error('the worker for large requests ended'));
  }

  #start({ engine, settings }: ModelState): LargeWorker {
    const worker: LargeWorker = linkToWorker<LargeOwnerMethods, LargeWorkerMethods>(
      workerModule,
      {
        logTokens: ({ id, nTokens }) => this.#pending.get(id)?.logTokens(nTokens),
        embed: (params) => {
          const request = this.#pending.get(params.id);
          if (request === undefined) throw new Error('the client has disconnected');
          return embed(worker, request, params);
        },
      },
      {
        classes: largeErrorClasses,
        died: (error) => {
          if (this.#worker === worker) this.#worker = undefined;
          void worker.terminate(new Error(`large requests failed: ${error.message}`, { cause: error }));
        },
      },
    );
    worker.keepAlive(false);
    worker.notify('open', { header: engine.metadata.header, info: engine.info, settings });
    return worker;
  }
}

const workerFile = './large-request-worker.ts';

/** Files have the ending `.ts` in the sources and `.js` in the build. */
const workerModule = {
  url: () => new URL(workerFile, import.meta.url),
  start: () => new Worker(new URL(workerFile, import.meta.url), { type: 'module' }),
};

async function embed(
  worker: LargeWorker,
  request: LargeRequest,
  { id, ids, offsets, media, options }: Parameters<LargeOwnerMethods['embed']>[0],
): Promise<Pick<Embeddings, 'dimensions' | 'nTokens' | 'truncated'>> {
  try {
    const inputs = Array.from(
      { length: offsets.length - 1 },
      (_, i): EmbedInput => media.get(i) ?? ids.subarray(offsets[i], offsets[i + 1]),
    );
    const result = await computeVectors(request, inputs, options);
    const { dimensions, nTokens, truncated } = result;
    const vectors = options.output === undefined ? result.vectors : inputs.map((_, i) => packOutputs(result, i));
    const turn = new Turn();
    for (let from = 0, to = 0; from < vectors.length; from = to) {
      let length = 0;
      while (to < vectors.length && (to === from || length + vectors[to].length <= PORTION))
        length += vectors[to++].length;
      const values = new Float32Array(length);
      const lengths = vectors.slice(from, to).map((vector) => vector.length);
      for (let i = from, at = 0; i < to; at += vectors[i++].length) values.set(vectors[i], at);
      worker.notify('vectors', { id, values, lengths }, [values.buffer]);
      if (turn.isOver) await turn.pass();
    }
    return { dimensions, nTokens, truncated };
  } catch (error) {
    throw toHttpError(error);
  }
}
