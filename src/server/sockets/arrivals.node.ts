/**
 * @file Enforces a minimum rate at which bodies arrive. Without one, a client that sends a byte now and then could keep its
 * place, and the memory of its partial body, for as long as it likes.
 */
import type { IncomingMessage } from 'node:http';
import { afterReading } from './busy-time.node.ts';

/** Average rate at which a body must arrive, in bytes per second. */
const MIN_RATE = 16 * 2 ** 10;
/** The same for bodies that are still arriving when a stop begins. */
const STOP_RATE = 10 * 2 ** 20;
/** Maximum delay of such a body, in milliseconds. */
const STOP_PATIENCE = 500;
/** Milliseconds between two checks. */
const INTERVAL = 250;

/** A body that is still arriving. */
interface Arrival {
  readonly incoming: IncomingMessage;
  /** Bytes received on its connection at the last check. */
  seen: number;
  /** Milliseconds during which it may stay silent. */
  credit: number;
}

/**
 * Closes connections whose bodies arrive too slowly. A body may fall behind the minimum rate by up to `patience`. Faster bytes
 * make up for a delay but earn no credit: a client cannot hold back the last byte of a body of 100 MiB.
 */
export class Arrivals {
  readonly #underWay = new Set<Arrival>();
  readonly #timer: NodeJS.Timeout;
  #patience: number;
  #rate = MIN_RATE;
  #last = performance.now();

  /** @param patience maximum delay of a body, in milliseconds */
  constructor(patience: number) {
    this.#patience = patience;
    this.#timer = setInterval(() => afterReading(() => this.#look()), INTERVAL).unref();
  }

  /** Watches a request until its body is complete. */
  watch(incoming: IncomingMessage): void {
    if (incoming.complete) return;
    const arrival: Arrival = { incoming, seen: incoming.socket.bytesRead, credit: this.#patience };
    this.#underWay.add(arrival);
    incoming.once('close', () => this.#underWay.delete(arrival));
  }

  /** From now on, waits only for bodies that arrive fast. */
  hurry(): void {
    this.#patience = STOP_PATIENCE;
    this.#rate = STOP_RATE;
  }

  /** Stops checking. */
  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    // While this thread was busy, clients could not send.
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
