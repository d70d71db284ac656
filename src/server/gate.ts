/**
 * @file The door: how many requests may be under way, so that overload costs those turned away and nobody else.
 */
import { HttpError } from './errors.ts';

/** Longest time that a client is told to wait, in seconds. */
const MAX_RETRY_AFTER = 60;

/** Bounds of what may be under way. */
export interface GateLimits {
  /** Most requests, 0 for any number. */
  readonly maxQueue: number;
  /** Most bytes in the bodies of all requests together. */
  readonly maxQueueBytes: number;
}

/** Counts requests in and out. */
export class Gate {
  readonly #limits: GateLimits;
  #nActive = 0;
  #bytes = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /** Requests under way. */
  get nActive(): number {
    return this.#nActive;
  }

  /**
   * Lets a request in.
   * @param bytes of its body, as far as they are known before it is read
   * @param retryAfter seconds after which there should be room
   * @returns to be called when the request has been answered
   * @throws HttpError (503) when there is no room
   */
  enter(bytes: number, retryAfter: number): () => void {
    const { maxQueue, maxQueueBytes } = this.#limits;
    const full = maxQueue > 0 && this.#nActive >= maxQueue;
    // A single request is bounded by the limit of a body, so an empty house lets anyone in.
    const heavy = this.#nActive > 0 && this.#bytes + bytes > maxQueueBytes;
    if (full || heavy) {
      const seconds = Math.min(MAX_RETRY_AFTER, Math.max(1, Math.ceil(retryAfter)));
      throw new HttpError('unavailable_error', `The server is busy: ${this.#nActive} requests are waiting`, {
        headers: { 'Retry-After': String(seconds) },
      });
    }
    this.#nActive++;
    this.#bytes += bytes;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#nActive--;
      this.#bytes -= bytes;
    };
  }
}
