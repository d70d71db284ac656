/**
 * @file Requests through memory that an owner and its workers share. A message costs its sender a copy and its receiver a turn of the event
 * loop. A worker that waits on a word of shared memory wakes up at once, and reads the request where the owner has written it.
 *
 * Each worker has a word of flags. It waits on that word for a while after each request, and then goes back to its event loop, where
 * only a message reaches it. Each worker also has a place for a request and its answer. A request to several workers lies in the place of the
 * first one, which answers once all that compute have read it. The owner waits for an answer with `Atomics.waitAsync`.
 */
import { isNode } from './runtime.ts';

/**
 * Flags of a worker. `posted`: there is a request to several workers; `postedHere`: to this one. Without `waiting` and `busy` it is in its event
 * loop.
 */
const [posted, called, waiting, busy, postedHere] = [1, 2, 4, 8, 16];

/** Int32 words from one word to the next, so that each has cache lines of its own. */
const wordStep = 32;
const flagsWord = (rank: number) => wordStep * 2 * rank;
/** Counts answers. The word behind it says what the last one is: its length, or `answerKept`. */
const answeredWord = (rank: number) => wordStep * (2 * rank + 1);

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

/** The words of all workers. */
function wordsOf({ buffer, nWorkers }: SharedMemory): Int32Array {
  return new Int32Array(buffer, 0, flagsWord(nWorkers));
}

/** Where the request to a worker, or to several of which it is the first, and the answer are. */
function placeOf({ buffer, nWorkers }: SharedMemory, rank: number): Place {
  const at = flagsWord(nWorkers) + rank * (requestWords + answerValues);
  return {
    request: new Int32Array(buffer, at * 4, requestWords),
    answer: new Float32Array(buffer, (at + requestWords) * 4, answerValues),
  };
}

interface Place {
  readonly request: Int32Array;
  readonly answer: Float32Array;
}

/** The owner's side. It sends one request at a time to a worker. */
export class RequestSender {
  readonly memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #places: readonly Place[];
  readonly #nSent: number[];
  readonly #rejects = new Set<(reason: Error) => void>();
  #closed: Error | undefined;

  constructor(nWorkers: number) {
    const bytes = 4 * (flagsWord(nWorkers) + nWorkers * (requestWords + answerValues));
    const memory = { buffer: new SharedArrayBuffer(bytes), nWorkers };
    this.memory = memory;
    this.#words = wordsOf(memory);
    this.#places = Array.from({ length: nWorkers }, (_, rank) => placeOf(memory, rank));
    this.#nSent = new Array(nWorkers).fill(0);
  }

  /** Where the next request is written: to one worker, or to several of which it is the first. */
  request(rank: number): Int32Array {
    return this.#places[rank].request;
  }

  /**
   * Sends the request in the place of the first worker to the first `n` workers.
   * @param wake called with the rank of each worker that is in its event loop: a message must have it call `RequestReceiver.next`
   */
  send(n: number, wake: (rank: number) => void): void {
    this.#nSent[0]++;
    for (let rank = 0; rank < n; rank++) this.#post(rank, posted, wake);
  }

  /** Sends the request in the place of one worker to it. @param wake as in `send` */
  sendTo(rank: number, wake: (rank: number) => void): void {
    this.#nSent[rank]++;
    this.#post(rank, postedHere, wake);
  }

  #post(rank: number, flag: number, wake: (rank: number) => void): void {
    const flags = Atomics.or(this.#words, flagsWord(rank), flag);
    if (flags & waiting) Atomics.notify(this.#words, flagsWord(rank));
    else if (!(flags & busy)) wake(rank);
  }

  /**
   * The answer to the request in the place of a worker, or `undefined` if the worker keeps it.
   * @throws the reason of `close`
   */
  receive(rank: number): Promise<Float32Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#rejects.add(reject);
      this.#answered(rank)
        .then(resolve, reject)
        .finally(() => this.#rejects.delete(reject));
    });
  }

  async #answered(rank: number): Promise<Float32Array | undefined> {
    const [words, at] = [this.#words, answeredWord(rank)];
    for (;;) {
      if (this.#closed !== undefined) throw this.#closed;
      const nAnswered = Atomics.load(words, at);
      if (nAnswered === (this.#nSent[rank] | 0)) break;
      await atomics.waitAsync?.(words, at, nAnswered).value;
    }
    const length = words[at + 1];
    return length === answerKept ? undefined : this.#places[rank].answer.slice(0, length);
  }

  /** Rejects all current and later `receive`. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const reject of this.#rejects) reject(reason);
    for (let rank = 0; rank < this.memory.nWorkers; rank++) Atomics.notify(this.#words, answeredWord(rank));
  }

  /** Sends a worker back to its event loop, where a message waits for it. */
  interrupt(rank: number): void {
    const flags = Atomics.or(this.#words, flagsWord(rank), called);
    if (flags & waiting) Atomics.notify(this.#words, flagsWord(rank));
  }
}

/** A request that a worker has received. It is overwritten after the answer. */
export interface ReceivedRequest {
  readonly request: Int32Array;
  /** Answers; the owner reads a copy. Returns false if the values do not fit: then `keep` is the answer. */
  answer(values: Float32Array): boolean;
  /** Answers that the worker keeps the result, an error or a large one, until a message asks for it. */
  keep(): void;
}

/** A worker's side. */
export class RequestReceiver {
  readonly #words: Int32Array;
  readonly #flagsAt: number;
  readonly #toTeam: ReceivedRequest;
  readonly #toThis: ReceivedRequest;

  constructor(memory: SharedMemory, rank: number) {
    this.#words = wordsOf(memory);
    this.#flagsAt = flagsWord(rank);
    this.#toTeam = this.#receivedAt(memory, 0);
    this.#toThis = this.#receivedAt(memory, rank);
  }

  /** Waits for a request. Returns `undefined` if the worker must go back to its event loop: nothing came, or a message waits. */
  next(): ReceivedRequest | undefined {
    const [words, at] = [this.#words, this.#flagsAt];
    let isOver = false;
    for (;;) {
      const flags = Atomics.load(words, at);
      const becomes = (next: number) => Atomics.compareExchange(words, at, flags, next) === flags;
      if (flags & (posted | postedHere)) {
        if (becomes(busy | (flags & called))) return flags & posted ? this.#toTeam : this.#toThis;
      } else if (flags & called || isOver) {
        if (becomes(0)) return undefined;
      } else if (flags === waiting || becomes(waiting)) {
        isOver = Atomics.wait(words, at, waiting, patience) === 'timed-out';
      }
    }
  }

  #receivedAt(memory: SharedMemory, rank: number): ReceivedRequest {
    const { request, answer } = placeOf(memory, rank);
    const finish = (length: number) => {
      const at = answeredWord(rank);
      this.#words[at + 1] = length;
      Atomics.add(this.#words, at, 1);
      Atomics.notify(this.#words, at);
    };
    return {
      request,
      answer(values) {
        if (values.length > answer.length) return false;
        answer.set(values);
        finish(values.length);
        return true;
      },
      keep: () => finish(answerKept),
    };
  }
}
