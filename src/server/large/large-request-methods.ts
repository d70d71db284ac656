/**
 * @file What the server and its worker for large requests do for each other.
 *
 * The worker reads, checks, tokenizes and answers; the server computes, because it knows who else waits. Inputs go to the
 * server as token ids end to end, vectors come back in portions, so that neither thread is kept for long.
 */
import type { ContentPart, Embeddings, ModelInfo } from '../../engine/index.ts';
import type { ErrorClass } from '../../workers/index.ts';
import { HttpError } from '../errors.ts';
import type { BodyPath } from '../request.ts';
import type { Settings } from '../state.ts';
import type { VectorOptions } from '../vectors/compute-vectors.ts';

/** What the worker does. `id` is that of a request, given by the server; a request embeds once at most at a time. */
export interface LargeWorkerMethods {
  /** Comes first. `header` is that of the model that the server runs, whatever lies at its path by now. */
  open(params: { header: Uint8Array; info: ModelInfo; settings: Settings }): void;
  /** The body of the answer. */
  answer(params: { id: number; path: BodyPath; bytes: Uint8Array<ArrayBuffer>; type: string }): Uint8Array<ArrayBuffer>;
  /** Vectors of the next inputs end to end, and how many values belong to each. */
  vectors(params: { id: number; values: Float32Array<ArrayBuffer>; lengths: number[] }): void;
}

/** What the server does. */
export interface LargeOwnerMethods {
  /** Adds tokens that are not computed to what the log says about the request. */
  logTokens(params: { id: number; nTokens: number }): void;
  /**
   * Computes vectors and sends them by `vectors`. The inputs are token ids end to end; input i has those from `offsets[i]` to
   * `offsets[i + 1]`, unless `media` has its parts.
   */
  embed(params: {
    id: number;
    ids: Int32Array<ArrayBuffer>;
    offsets: Int32Array<ArrayBuffer>;
    media: ReadonlyMap<number, readonly ContentPart[]>;
    options: VectorOptions;
  }): Pick<Embeddings, 'dimensions' | 'nTokens'>;
}

/** Classes that errors keep on their way. Both sides turn theirs into these before. */
export const largeErrorClasses: readonly ErrorClass[] = [HttpError];
