/**
 * @file Long work that lets go of its thread now and then.
 */

/** Milliseconds after which other work of a thread that serves requests gets a turn. */
const DEFAULT_MS = 10;

/**
 * The turn of one piece of work: `if (turn.isOver) await turn.pass();`
 */
export class Turn {
  readonly #ms: number;
  #since = performance.now();

  /** @param ms milliseconds that the work may hold its thread */
  constructor(ms = DEFAULT_MS) {
    this.#ms = ms;
  }

  get isOver(): boolean {
    return performance.now() - this.#since >= this.#ms;
  }

  /** Lets everything else that waits go first. */
  async pass(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#since = performance.now();
  }
}
