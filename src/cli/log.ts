/**
 * @file What the program says while it works: lines on standard error, so that standard output is the result and nothing else.
 */
import type { Progress } from '../engine/index.ts';

/** Work that is done within this many milliseconds shows no progress. */
const QUIET = 500;
/** Milliseconds between two updates of the progress line. */
const REFRESH = 100;

/** Writes one line. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * A progress line on a terminal, for what takes longer than half a second; nothing otherwise.
 * @returns to be called often with what is done, of how much, and what to say; the line goes away when all is done
 */
export function progressLine(): (done: number, total: number, say: () => string) => void {
  const started = performance.now();
  let shown = 0;
  return (done, total, say) => {
    if (!process.stderr.isTTY) return;
    const now = performance.now();
    if (done >= total) {
      if (shown > 0) process.stderr.write('\r\x1b[K');
      shown = 0;
    } else if (now - started >= QUIET && now - shown >= REFRESH) {
      shown = now;
      process.stderr.write(`\r\x1b[K${((100 * done) / total).toFixed(0)} % ${say()}`);
    }
  };
}

/** Progress of `load` and `embed`. */
export function showProgress(): (progress: Progress) => void {
  const show = progressLine();
  return ({ stage, done, total }) =>
    show(done, total, () => (stage === 'load' ? `of ${byteSize(total)} loaded` : `of ${total} tokens embedded`));
}

/** `1.5 GB`, `23.9 MB`, `410 B`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
