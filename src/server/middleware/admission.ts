/**
 * @file Admission control: bounds the requests in progress, so that overload costs only the requests that are refused.
 */
import { HttpError } from '../errors.ts';

/** Most seconds that a client is told to wait. */
const MAX_RETRY_AFTER = 60;
/** Share of `maxQueueBytes` that arriving bodies may hold while another request still counts as the only one. */
const NEGLIGIBLE = 1 / 512;

/** Bounds of what may be in progress. */
export interface AdmissionLimits {
  /** Most requests, 0 for any number. */
  readonly maxQueue: number;
  /** Most bytes in the bodies and answers of all requests together. */
  readonly maxQueueBytes: number;
}

/** An admitted request. */
export interface Admission {
  /**
   * Adds bytes: of the body, as they arrive, or for the answer.
   * @throws HttpError (503) when there is no memory for them
   */
  add(bytes: number): void;
  /**
   * The body has arrived: from now on the request counts as in progress. A client that sends slowly keeps nobody out.
   * @throws HttpError (503) when there are too many
   */
  start(): void;
  /** The request has been answered. */
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

  /** Requests in progress whose bodies have arrived. */
  get nActive(): number {
    return this.#nActive;
  }

  /**
   * Admits a request, before its body is read.
   * @param declared bytes of the body, 0 if unknown; they count only once they arrive
   * @param retryAfter seconds after which the server should have time
   * @throws HttpError (503) when the server is full
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
