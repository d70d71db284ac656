/**
 * @file Admission control: limits the requests in progress, so that overload affects only the requests that the server refuses.
 */
import { HttpError } from '../errors.ts';

/** Maximum number of seconds in `Retry-After`. */
const MAX_RETRY_AFTER = 60;
/** Share of `maxQueueBytes` that arriving bodies may take while another request still counts as alone. */
const NEGLIGIBLE = 1 / 512;

/** Limits for requests in progress. */
export interface AdmissionLimits {
  /** Maximum number of requests; 0: no limit. */
  readonly maxQueue: number;
  /** Maximum number of bytes in the bodies and answers of all requests together. */
  readonly maxQueueBytes: number;
}

/** An admitted request. */
export interface Admission {
  /**
   * Adds bytes of the body as they arrive, or the bytes of the answer.
   * @throws HttpError (503) if they exceed the limit
   */
  add(bytes: number): void;
  /**
   * Marks the body as complete: from now on the request counts as in progress. A client that sends slowly therefore blocks nobody.
   * @throws HttpError (503) if too many requests are in progress
   */
  start(): void;
  /** Ends the admission after the answer. */
  end(): void;
}

/** Bytes that are held, as one or several `AdmissionControl`s count them. */
export interface HeldBytes {
  bytes: number;
}

/** Counts the requests in progress and their bytes. */
export class AdmissionControl {
  readonly #limits: AdmissionLimits;
  readonly #onRefusal: () => void;
  #nActive = 0;
  readonly #held: HeldBytes;

  /**
   * @param onRefusal called for every request that is refused
   * @param held shared by those that share the limit of bytes
   */
  constructor(limits: AdmissionLimits, onRefusal: () => void, held: HeldBytes = { bytes: 0 }) {
    this.#limits = limits;
    this.#onRefusal = onRefusal;
    this.#held = held;
  }

  /** Number of requests in progress whose bodies are complete. */
  get nActive(): number {
    return this.#nActive;
  }

  /**
   * Admits a request, before its body arrives.
   * @param declared bytes of the body, 0 if unknown. They count only when they arrive
   * @param retryAfter estimated seconds until the server has capacity
   * @throws HttpError (503) if the server is full
   */
  admit(declared: number, retryAfter: number): Admission {
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
    // The limit of a body bounds a single request, so a request that is alone may take more.
    const isAlone = () =>
      this.#nActive === (isStarted ? 1 : 0) && this.#held.bytes - counted <= NEGLIGIBLE * maxQueueBytes;
    const isHeavy = (more: number) => this.#held.bytes + more > maxQueueBytes && !isAlone();
    const isFull = () => maxQueue > 0 && this.#nActive >= maxQueue;
    if (isFull() || isHeavy(declared)) throw refuse();
    return {
      add: (more) => {
        if (isHeavy(more)) throw refuse();
        this.#held.bytes += more;
        counted += more;
      },
      start: () => {
        if (isFull()) throw refuse();
        this.#nActive++;
        isStarted = true;
      },
      end: () => {
        if (isStarted) this.#nActive--;
        this.#held.bytes -= counted;
      },
    };
  }
}
