/**
 * @file How long the thread was too busy to serve its sockets. Clients are not to blame for that time.
 */

/** Milliseconds between two looks; what is longer counts as busy. */
const INTERVAL = 250;

/** Counts the busy time of the thread. */
export class BusyTime {
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();
  /** Milliseconds of it in all. */
  total = 0;
  /** Until when to wait, so that clients get as much time as the thread was busy. */
  until = 0;

  /** @param onLook called at each look, after what has arrived was read */
  constructor(onLook: () => void) {
    this.#timer = setInterval(() => {
      this.look();
      afterReading(onLook);
    }, INTERVAL).unref();
  }

  /** Counts up to now. */
  look(): void {
    const now = performance.now();
    const busy = Math.max(0, now - this.#last - INTERVAL);
    this.#last = now;
    this.total += busy;
    if (busy > 0) this.until = Math.max(now, this.until) + busy;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Runs `work` after what has arrived was read. Of a thread that was busy, timers come first. */
export function afterReading(work: () => void): void {
  setImmediate(work);
}
