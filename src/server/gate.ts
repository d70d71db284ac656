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
  /** Most bytes in the bodies and answers of all requests together. */
  readonly maxQueueBytes: number;
}

/** A request under way. */
export interface Visit {
  /**
   * More bytes, of its body or for its answer, which were not known before.
   * @throws HttpError (503) when there is no room for them
   */
  add(bytes: number): void;
  /** It has been answered. */
  leave(): void;
}

/** Counts requests in and out. */
export class Gate {
  readonly #limits: GateLimits;
  readonly #onRefusal: () => void;
  #nActive = 0;
  #bytes = 0;

  /** @param onRefusal hears of every request that is turned away */
  constructor(limits: GateLimits, onRefusal: () => void) {
    this.#limits = limits;
    this.#onRefusal = onRefusal;
  }

  /** Requests under way. */
  get nActive(): number {
    return this.#nActive;
  }

  /**
   * Lets a request in.
   * @param bytes of its body, as far as they are known before it is read
   * @param retryAfter seconds after which there should be room
   * @throws HttpError (503) when there is no room
   */
  enter(bytes: number, retryAfter: number): Visit {
    const { maxQueue, maxQueueBytes } = this.#limits;
    const refuse = () => {
      this.#onRefusal();
      const seconds = Math.min(MAX_RETRY_AFTER, Math.max(1, Math.ceil(retryAfter)));
      return new HttpError('unavailable_error', `The server is busy: ${this.#nActive} requests are waiting`, {
        headers: { 'Retry-After': String(seconds) },
      });
    };
    // A single request is bounded by the limit of a body, so an empty house lets anyone in.
    const isHeavy = (more: number, others: number) => others > 0 && this.#bytes + more > maxQueueBytes;
    if ((maxQueue > 0 && this.#nActive >= maxQueue) || isHeavy(bytes, this.#nActive)) throw refuse();
    this.#nActive++;
    this.#bytes += bytes;
    let counted = bytes;
    return {
      add: (more) => {
        if (isHeavy(more, this.#nActive - 1)) throw refuse();
        this.#bytes += more;
        counted += more;
      },
      leave: () => {
        this.#nActive--;
        this.#bytes -= counted;
      },
    };
  }
}
