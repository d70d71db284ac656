/**
 * @file The door: how many requests may be under way, so that overload costs those turned away and nobody else.
 */
import { HttpError } from '../errors.ts';

/** Longest time that a client is told to wait, in seconds. */
const MAX_RETRY_AFTER = 60;
/** Part of all bytes that bodies on their way may hold without counting as company to a request that is alone. */
const NEGLIGIBLE = 1 / 512;

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
   * More bytes: of its body, as they arrive, or for its answer.
   * @throws HttpError (503) when there is no room for them
   */
  add(bytes: number): void;
  /**
   * Its body is there: from now on it counts as a request under way. Before, a client that sends slowly takes nobody's place.
   * @throws HttpError (503) when there are too many
   */
  start(): void;
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

  /** Requests under way whose bodies are there. */
  get nActive(): number {
    return this.#nActive;
  }

  /**
   * Lets a request in, before its body is read.
   * @param declared bytes of its body, as far as they are known; they are not counted before they arrive
   * @param retryAfter seconds after which there should be room
   * @throws HttpError (503) when there is no room
   */
  enter(declared: number, retryAfter: number): Visit {
    const { maxQueue, maxQueueBytes } = this.#limits;
    let counted = 0;
    let isStarted = false;
    const refuse = () => {
      this.#onRefusal();
      const seconds = Math.min(MAX_RETRY_AFTER, Math.max(1, Math.ceil(retryAfter)));
      return new HttpError('unavailable_error', `The server is busy: ${this.#nActive} requests are waiting`, {
        headers: { 'Retry-After': String(seconds) },
      });
    };
    // A single request is bounded by the limit of a body, so one that is alone may take more.
    const isAlone = () => this.#nActive === (isStarted ? 1 : 0) && this.#bytes - counted <= NEGLIGIBLE * maxQueueBytes;
    const isHeavy = (more: number) => this.#bytes + more > maxQueueBytes && !isAlone();
    const isFull = () => maxQueue > 0 && this.#nActive >= maxQueue;
    if (isFull() || isHeavy(declared)) throw refuse();
    return {
      add: (more) => {
        if (isHeavy(more)) throw refuse();
        this.#bytes += more;
        counted += more;
      },
      start: () => {
        if (isFull()) throw refuse();
        this.#nActive++;
        isStarted = true;
      },
      leave: () => {
        if (isStarted) this.#nActive--;
        this.#bytes -= counted;
      },
    };
  }
}
