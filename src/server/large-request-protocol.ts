/**
 * @file What the server and its worker for large requests say to each other.
 *
 * The worker reads, checks, tokenizes and answers; the server computes, because it knows who else waits. Inputs go to the
 * server as token ids end to end, vectors come back in portions, so that neither thread is kept for long.
 */
import type { ModelInfo } from '../engine/index.ts';
import type { HttpErrorData } from './errors.ts';
import type { WorkPath } from './handlers.ts';
import type { Settings } from './service.ts';
import type { VectorOptions } from './vectors.ts';

/** What the worker is made of. */
export interface WorkerData {
  /** Path of the model, for its tokenizer. */
  readonly source: string;
  readonly info: ModelInfo;
  readonly settings: Settings;
}

/** From the server to the worker. `id` is that of a request everywhere; a request embeds once at most at a time. */
export type ToLargeWorker =
  | { kind: 'request'; id: number; path: WorkPath; bytes: Uint8Array<ArrayBuffer>; type: string }
  /** The client has gone. */
  | { kind: 'abort'; id: number }
  /** Vectors of the next inputs end to end, and how many values belong to each. */
  | { kind: 'vectors'; id: number; values: Float32Array<ArrayBuffer>; lengths: number[] }
  | { kind: 'embedded'; id: number; dimensions: number }
  | { kind: 'embedFailed'; id: number; error: HttpErrorData };

/** From the worker to the server. */
export type FromLargeWorker =
  /** The tokenizer is there. */
  | { kind: 'ready' }
  /** Asks for vectors of inputs: token ids end to end; input i has those from `offsets[i]` to `offsets[i + 1]`. */
  | {
      kind: 'embed';
      id: number;
      ids: Int32Array<ArrayBuffer>;
      offsets: Int32Array<ArrayBuffer>;
      options: VectorOptions;
    }
  | { kind: 'answer'; id: number; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'failed'; id: number; error: HttpErrorData };
