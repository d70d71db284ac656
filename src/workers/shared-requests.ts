/**
 * @file Requests through memory that an owner and its workers share. A message costs its sender a copy and its receiver a turn of the event
 * loop. A worker that waits on a word of shared memory wakes up at once, and reads the request where the owner has written it.
 *
 * Each worker has a word of flags. It waits on that word for a while after each request, and then goes back to its event loop, where
 * only a message reaches it. The first worker answers once all that compute have read the request, by a word on which the owner waits with
 * `Atomics.waitAsync`.
 */
import { isNode } from './runtime.ts';

/** Flags of a worker. Without `waiting` and `busy` it is in its event loop. */
const [posted, called, waiting, busy] = [1, 2, 4, 8];

/** Int32 words from one word to the next, so that each has cache lines of its own. */
const wordStep = 32;
/** Counts answers. */
const answeredWord = 0;
/** What the answer is: its length, or `answerKept`. */
const lengthWord = 1;
const flagsWord = (rank: number) => wordStep * (1 + rank);

/** Int32 words for a request: a batch of 4096 tokens with positions and types. */
const requestWords = 1 << 14;
/** Float32 values of an answer. */
const answerValues = 1 << 18;

/** The length of an answer that is an error, or that does not fit: the worker keeps it. */
const answerKept = -1;

/** How long a worker waits on its word, in milliseconds. */
const patience = 100;

/** What both sides hold. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly nWorkers: number;
}

/** TypeScript knows it from ES2024 on. */
interface AtomicsWithWaitAsync extends Atomics {
  waitAsync?(words: Int32Array, at: number, value: number): { readonly value: unknown };
}
const atomics: AtomicsWithWaitAsync = Atomics;

/** Whether the calling thread can wait for an answer without blocking. Tested in Node only; elsewhere there are messages. */
export function canShareRequests(): boolean {
  return isNode() && atomics.waitAsync !== undefined;
}

function views({ buffer, nWorkers }: SharedMemory) {
  const requestAt = flagsWord(nWorkers);
  return {
    words: new Int32Array(buffer, 0, requestAt),
    request: new Int32Array(buffer, requestAt * 4, requestWords),
    answer: new Float32Array(buffer, (requestAt + requestWords) * 4, answerValues),
  };
}

/** The owner's side. It sends one request at a time. */
export class RequestSender {
  readonly memory: SharedMemory;
  /** Where the next request is written. */
  readonly request: Int32Array;
  readonly #words: Int32Array;
  readonly #answer: Float32Array;
  #nSent = 0;
  #reject: (reason: Error) => void = () => {};
  #closed: Error | undefined;

  constructor(nWorkers: number) {
    const bytes = 4 * (flagsWord(nWorkers) + requestWords + answerValues);
    this.memory = { buffer: new SharedArrayBuffer(bytes), nWorkers };
    const { words, request, answer } = views(this.memory);
    this.#words = words;
    this.request = request;
    this.#answer = answer;
  }

  /**
   * Sends the request to the first `n` workers.
   * @param wake called with the rank of each worker that is in its event loop: a message must have it call `RequestReceiver.next`
   */
  send(n: number, wake: (rank: number) => void): void {
    this.#nSent++;
    for (let rank = 0; rank < n; rank++) {
      const flags = Atomics.or(this.#words, flagsWord(rank), posted);
      if (flags & waiting) Atomics.notify(this.#words, flagsWord(rank));
      else if (!(flags & busy)) wake(rank);
    }
  }

  /**
   * The answer to the request that was sent, or `undefined` if the first worker keeps it.
   * @throws the reason of `close`
   */
  receive(): Promise<Float32Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#answered().then(resolve, reject);
    });
  }

  async #answered(): Promise<Float32Array | undefined> {
    const words = this.#words;
    for (;;) {
      if (this.#closed !== undefined) throw this.#closed;
      const nAnswered = Atomics.load(words, answeredWord);
      if (nAnswered === (this.#nSent | 0)) break;
      await atomics.waitAsync?.(words, answeredWord, nAnswered).value;
    }
    const length = words[lengthWord];
    return length === answerKept ? undefined : this.#answer.slice(0, length);
  }

  /** Rejects the current `receive` and all later ones. */
  close(reason: Error): void {
    this.#closed ??= reason;
    this.#reject(reason);
    Atomics.notify(this.#words, answeredWord);
  }

  /** Sends a worker back to its event loop, where a message waits for it. */
  interrupt(rank: number): void {
    const flags = Atomics.or(this.#words, flagsWord(rank), called);
    if (flags & waiting) Atomics.notify(this.#words, flagsWord(rank));
  }
}

/** A worker's side. */
export class RequestReceiver {
  /** Where the request is. It is overwritten after the answer. */
  readonly request: Int32Array;
  readonly #words: Int32Array;
  readonly #answer: Float32Array;
  readonly #flagsAt: number;

  constructor(memory: SharedMemory, rank: number) {
    const { words, request, answer } = views(memory);
    this.#words = words;
    this.request = request;
    this.#answer = answer;
    this.#flagsAt = flagsWord(rank);
  }

  /** Waits for a request. Returns false if the worker must go back to its event loop: nothing came, or a message waits. */
  next(): boolean {
    const [words, at] = [this.#words, this.#flagsAt];
    let isOver = false;
    for (;;) {
      const flags = Atomics.load(words, at);
      const becomes = (next: number) => Atomics.compareExchange(words, at, flags, next) === flags;
      if (flags & posted) {
        if (becomes(busy | (flags & called))) return true;
      } else if (flags & called || isOver) {
        if (becomes(0)) return false;
      } else if (flags === waiting || becomes(waiting)) {
        isOver = Atomics.wait(words, at, waiting, patience) === 'timed-out';
      }
    }
  }

  /** Answers the request; the owner reads a copy. Returns false if the values do not fit: then `keep` is the answer. */
  answer(values: Float32Array): boolean {
    if (values.length > this.#answer.length) return false;
    this.#answer.set(values);
    this.#finish(values.length);
    return true;
  }

  /** Answers that the worker keeps the result, an error or a large one, until a message asks for it. */
  keep(): void {
    this.#finish(answerKept);
  }

  #finish(length: number): void {
    this.#words[lengthWord] = length;
    Atomics.add(this.#words, answeredWord, 1);
    Atomics.notify(this.#words, answeredWord);
  }
}
