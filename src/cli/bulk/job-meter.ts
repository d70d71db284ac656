/**
 * @file How far a job is: a line on a terminal, a line of the log each minute elsewhere, and a summary.
 */
import { log, progressLine } from '../log.ts';
import { plural } from '../plural.ts';
import type { EmbeddedRows } from './embed-rows.ts';

/** Milliseconds between two lines where there is no terminal. */
const LOG_EVERY = 60_000;

/** Counts the rows of a job. */
export class JobMeter {
  readonly #total: number;
  readonly #show = progressLine();
  readonly #started = performance.now();
  #lastLog = this.#started;
  #nRows = 0;
  #nTokens = 0;
  #nFailures = 0;

  /** @param nRows rows that are to be embedded */
  constructor(nRows: number) {
    this.#total = nRows;
  }

  get nFailures(): number {
    return this.#nFailures;
  }

  add({ nRows, records, failures }: EmbeddedRows): void {
    this.#nRows += nRows;
    this.#nFailures += failures.length;
    for (const { nTokens } of records) this.#nTokens += nTokens;
    this.#show(this.#nRows, this.#total, () => this.#state());
    const now = performance.now();
    if (process.stderr.isTTY || now - this.#lastLog < LOG_EVERY) return;
    this.#lastLog = now;
    log(`${((100 * this.#nRows) / this.#total).toFixed(1)} % ${this.#state()}`);
  }

  /** `120 rows embedded, 34 567 tokens in 8.9 s (3884 tokens/s)`. */
  summary(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const failed = this.#nFailures === 0 ? '' : `, ${this.#nFailures} of them failed`;
    const rate = `${Math.round(this.#nTokens / seconds)} tokens/s`;
    return `${plural(this.#nRows, 'row')}${failed}: ${plural(this.#nTokens, 'token')} in ${duration(seconds)}, ${rate}`;
  }

  #state(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const left = ((this.#total - this.#nRows) * seconds) / this.#nRows;
    const rate = `${Math.round(this.#nTokens / seconds)} tokens/s`;
    return `of ${plural(this.#total, 'row')}, ${rate}, ${duration(left)} left`;
  }
}

/** `8.9 s`, `12 min`, `3 h 20 min`. */
function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
