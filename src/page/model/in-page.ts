/**
 * @file A model that computes in the page.
 */
import type { ModelInfo, Progress } from '../../index.ts';
import { WorkerCalls } from '../calls.ts';
import type { SpeedNumbers } from '../speed/numbers.ts';
import { startWorker } from '../start-worker.ts';
import { t } from '../words/words.ts';
import type { EngineMethods } from './engine-worker.ts';
import { inParts, type PageInput, type PageModel, type TextTrace, type Token, type WorkOptions } from './page-model.ts';

/** Documents that are scored between two looks at the signal. */
const RANK_PART = 8;

/** Texts of one call of the worker. */
const BATCH = 64;
/** Inputs of one call where pictures are among them: a picture takes as long as many texts. */
const PICTURE_BATCH = 2;

/** Options of `loadInPage`. */
interface LoadInPage {
  /** The file with the vision tower. */
  readonly mmproj?: Blob;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

const startEngine = () => new WorkerCalls<EngineMethods>(startWorker(new URL('./engine-worker.ts', import.meta.url)));

/** @throws Error that says what to do about a file that was removed or changed since it was chosen: browsers read it no longer */
async function requireReadable(source: Blob | string, name: string): Promise<void> {
  if (typeof source === 'string') return;
  await source
    .slice(0, 1)
    .arrayBuffer()
    .catch(() => {
      throw new Error(t('fileGone', { name }));
    });
}

/**
 * Loads a model into a worker.
 * @throws Error with the engine's message, or for a file that is gone; the signal's reason
 */
export async function loadInPage(
  source: Blob | string,
  name: string,
  { mmproj, onProgress, signal }: LoadInPage = {},
): Promise<PageModel> {
  await requireReadable(source, name);
  const worker = startEngine();
  try {
    const info = await worker.call('load', { source, mmproj }, { onNote: onProgress, signal });
    return new InPageModel(worker, info, name, source);
  } catch (error) {
    worker.end();
    throw error;
  }
}

/**
 * The addresses of the files of a model of the hub, by its name.
 * @throws Error with the message of the hub, the signal's reason
 */
export async function findAtHub(name: string, signal: AbortSignal): Promise<string[]> {
  const worker = startEngine();
  try {
    return await worker.call('find', { name }, { signal });
  } finally {
    worker.end();
  }
}

class InPageModel implements PageModel {
  readonly name: string;
  readonly where: string;
  readonly dimensions: number;
  readonly isReranker: boolean;
  readonly takesImages: boolean;
  readonly #worker: WorkerCalls<EngineMethods>;
  readonly #source: Blob | string;
  /** The model once more, with the reference backend. */
  #reference: Promise<WorkerCalls<EngineMethods>> | undefined;
  /** Texts that were asked for and are not computed. */
  #waiting = 0;

  constructor(worker: WorkerCalls<EngineMethods>, info: ModelInfo, name: string, source: Blob | string) {
    this.#source = source;
    this.#worker = worker;
    this.name = name;
    this.where = `${info.backend} (${info.backendDescription})`;
    this.dimensions = info.nEmbdOut;
    this.isReranker = info.pooling === 'rank';
    this.takesImages = info.vision !== undefined;
  }

  async embed(inputs: readonly PageInput[], { signal, onProgress }: WorkOptions = {}): Promise<Float32Array[]> {
    // In parts: an abort ends what is left, and other calls are answered in between.
    const batch = inputs.some((input) => typeof input !== 'string') ? PICTURE_BATCH : BATCH;
    this.#waiting += inputs.length;
    const vectors: Float32Array[] = [];
    try {
      while (vectors.length < inputs.length) {
        const part = inputs.slice(vectors.length, vectors.length + batch);
        vectors.push(...(await this.#worker.call('embed', { inputs: part }, { signal })));
        this.#waiting -= part.length;
        onProgress?.(vectors.length);
      }
      return vectors;
    } finally {
      this.#waiting -= inputs.length - vectors.length;
    }
  }

  rank(query: string, documents: readonly string[], options: WorkOptions = {}): Promise<number[]> {
    const work = (part: readonly string[]) =>
      this.#worker.call('rank', { query, documents: part }, { signal: options.signal });
    return inParts(documents, RANK_PART, work, options);
  }

  async trace(text: string, isComplete: boolean): Promise<TextTrace> {
    if (!isComplete) return this.#worker.call('trace', { text });
    this.#reference ??= this.#loadReference();
    return (await this.#reference).call('trace', { text });
  }

  async #loadReference(): Promise<WorkerCalls<EngineMethods>> {
    const worker = startEngine();
    try {
      await requireReadable(this.#source, this.name);
      await worker.call('load', { source: this.#source, backend: 'reference' });
      return worker;
    } catch (error) {
      worker.end();
      this.#reference = undefined;
      throw error;
    }
  }

  tokenize(text: string): Promise<Token[]> {
    return this.#worker.call('tokenize', { text });
  }

  async speed(signal?: AbortSignal): Promise<SpeedNumbers> {
    return { ...(await this.#worker.call('speed', undefined, { signal })), waitingInputs: this.#waiting };
  }

  close(): void {
    this.#worker.end();
    this.#reference?.then((worker) => worker.end()).catch(() => {});
  }
}
