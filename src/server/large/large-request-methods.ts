/**
 * @file The methods by which the server and its worker for large requests call each other.
 *
 * The worker reads, checks, tokenizes and answers. The server computes, because it knows which other requests wait. Inputs go
 * to the server as concatenated token ids. Vectors come back in portions, so that no message occupies either thread for long.
 */
import type { ContentPart, Embeddings, ModelInfo } from '../../engine/index.ts';
import type { ErrorClass } from '../../workers/index.ts';
import { HttpError } from '../errors.ts';
import type { BodyPath } from '../request.ts';
import type { Settings } from '../state.ts';
import type { VectorOptions } from '../vectors/compute-vectors.ts';

/** The worker's methods. `id` identifies a request; the server assigns it. A request makes at most one `embed` call at a time. */
export interface LargeWorkerMethods {
  /** The first call. `header` is that of the model that the server runs, even if the file at its path changed since. */
  open(params: { header: Uint8Array; info: ModelInfo; settings: Settings }): void;
  /** Returns the body of the answer. */
  answer(params: { id: number; path: BodyPath; bytes: Uint8Array<ArrayBuffer>; type: string }): Uint8Array<ArrayBuffer>;
  /** Delivers the concatenated vectors of the next inputs, and the number of values of each. */
  vectors(params: { id: number; values: Float32Array<ArrayBuffer>; lengths: number[] }): void;
}

/** The server's methods. */
export interface LargeOwnerMethods {
  /** Adds tokens to the log's count for the request, without computing anything. */
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
  }): Pick<Embeddings, 'dimensions' | 'nTokens' | 'truncated'>;
}

/** Classes that errors keep across threads. Both sides convert their errors to these classes first. */
export const largeErrorClasses: readonly ErrorClass[] = [HttpError];
