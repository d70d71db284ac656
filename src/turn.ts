/**
 * @file Lets long work yield its thread at intervals.
 */
import { now } from './clock.ts';

/** Calls back once what waits has had its turn. Taken when the program starts: tests of programs put functions in its place that never call. */
const { setImmediate: later = afterMessage } = globalThis as { setImmediate?: (call: () => void) => unknown };

/** Milliseconds after which long work yields to other work on a thread that serves requests. */
const DEFAULT_MS = 10;

/**
 * Times one piece of work: `if (turn.isOver) await turn.pass();`
 */
export class Turn {
  readonly #ms: number;
  #since = now();

  /** @param ms milliseconds that the work may keep its thread */
  constructor(ms = DEFAULT_MS) {
    this.#ms = ms;
  }

  /** Counts from now on. */
  begin(): void {
    this.#since = now();
  }

  get isOver(): boolean {
    return now() - this.#since >= this.#ms;
  }

  /** Yields to everything else that waits. */
  async pass(): Promise<void> {
    await new Promise<void>((resolve) => later(resolve));
    this.begin();
  }
}

/** For browsers, whose timers wait for up to 4 ms. */
function afterMessage(call: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    call();
  };
  port2.postMessage(undefined);
}
