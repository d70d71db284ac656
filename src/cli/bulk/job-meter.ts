/**
 * @file How far a job is: a line on a terminal, a line of the log each minute elsewhere, and a summary.
 */
import { log, progressLine } from '../log.ts';
import { plural } from '../plural.ts';
import type { EmbeddedRows, OnRows } from './embed-rows.ts';

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
  /** Groups that are being embedded, in the order in which they will be added. */
  readonly #underWay: { nRows: number; nTokens: number }[] = [];
  #nFailures = 0;

  /** @param nRows rows that are to be embedded */
  constructor(nRows: number) {
    this.#total = nRows;
  }

  get nFailures(): number {
    return this.#nFailures;
  }

  /** Follows a group of rows while it is embedded. Groups are added in the order in which they begin. */
  begin(nRows: number): OnRows {
    const group = { nRows: 0, nTokens: 0 };
    this.#underWay.push(group);
    return (share, nTokens) => {
      Object.assign(group, { nRows: nRows * share, nTokens });
      this.#report();
    };
  }

  /** Counts the rows of a group that is done. */
  add({ nRows, records, failures }: EmbeddedRows): void {
    this.#underWay.shift();
    this.#nRows += nRows;
    this.#nFailures += failures.length;
    for (const { nTokens } of records) this.#nTokens += nTokens;
    this.#report();
  }

  #report(): void {
    const done = this.#underWay.reduce(
      (sum, { nRows, nTokens }) => ({ nRows: sum.nRows + nRows, nTokens: sum.nTokens + nTokens }),
      { nRows: this.#nRows, nTokens: this.#nTokens },
    );
    this.#show(done.nRows, this.#total, () => this.#state(done));
    const now = performance.now();
    if (process.stderr.isTTY || now - this.#lastLog < LOG_EVERY) return;
    this.#lastLog = now;
    log(`${((100 * done.nRows) / this.#total).toFixed(1)} % ${this.#state(done)}`);
  }

  /** `120 rows embedded, 34 567 tokens in 8.9 s (3884 tokens/s)`. */
  summary(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const failed = this.#nFailures === 0 ? '' : `, ${this.#nFailures} of them failed`;
    const rate = `${Math.round(this.#nTokens / seconds)} tokens/s`;
    return `${plural(this.#nRows, 'row')}${failed}: ${plural(this.#nTokens, 'token')} in ${duration(seconds)}, ${rate}`;
  }

  #state({ nRows, nTokens }: { nRows: number; nTokens: number }): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const left = ((this.#total - nRows) * seconds) / nRows;
    const rate = `${Math.round(nTokens / seconds)} tokens/s`;
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
