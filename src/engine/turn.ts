/**
 * @file Long work that lets go of its thread now and then.
 */

/** Milliseconds after which other work of the thread gets a turn. */
const TURN = 10;

/**
 * The turn of one piece of work: `if (turn.isOver) await turn.pass();`
 */
export class Turn {
  #since = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#since >= TURN;
  }

  /** Lets everything else that waits go first. */
  async pass(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#since = performance.now();
  }
}
