/**
 * @file The least rate at which bodies must arrive: a client that sends a byte now and then holds its place and what has
 * arrived of its body, for as long as it likes.
 */
import type { IncomingMessage } from 'node:http';

/** Bytes a second at which a body must arrive, on average. */
const MIN_RATE = 16 * 2 ** 10;
/** The same for bodies that are under way when the server is told to stop. */
const STOP_RATE = 10 * 2 ** 20;
/** Most milliseconds by which such a body may be late. */
const STOP_PATIENCE = 500;
/** Milliseconds between two looks. */
const INTERVAL = 250;

/** A body on its way. */
interface Arrival {
  readonly incoming: IncomingMessage;
  /** Bytes of its connection when it was last looked at. */
  seen: number;
  /** Milliseconds for which nothing more has to arrive. */
  credit: number;
}

/**
 * Closes connections whose body arrives too slowly. A body may fall behind the least rate for so long as `patience`; bytes
 * that come faster make up for that, but are not saved for later: a body of 100 MiB cannot be held back at its last byte.
 */
export class Arrivals {
  readonly #underWay = new Set<Arrival>();
  readonly #timer: NodeJS.Timeout;
  #patience: number;
  #rate = MIN_RATE;
  #last = performance.now();

  /** @param patience most milliseconds by which a body may be late */
  constructor(patience: number) {
    this.#patience = patience;
    this.#timer = setInterval(() => this.#look(), INTERVAL).unref();
  }

  /** Watches a request until its body is there. */
  watch(incoming: IncomingMessage): void {
    if (incoming.complete) return;
    const arrival: Arrival = { incoming, seen: incoming.socket.bytesRead, credit: this.#patience };
    this.#underWay.add(arrival);
    incoming.once('close', () => this.#underWay.delete(arrival));
  }

  /** From now on only bodies that arrive fast are waited for. */
  hurry(): void {
    this.#patience = STOP_PATIENCE;
    this.#rate = STOP_RATE;
  }

  /** Stops looking. */
  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    // When this thread was busy, clients could not send.
    const passed = Math.min(now - this.#last, 2 * INTERVAL);
    this.#last = now;
    for (const arrival of this.#underWay) {
      const { incoming } = arrival;
      if (incoming.complete) {
        this.#underWay.delete(arrival);
        continue;
      }
      const { bytesRead } = incoming.socket;
      const earned = ((bytesRead - arrival.seen) / this.#rate) * 1000;
      arrival.seen = bytesRead;
      arrival.credit = Math.min(arrival.credit - passed + earned, this.#patience);
      if (arrival.credit < 0) incoming.destroy();
    }
  }
}
