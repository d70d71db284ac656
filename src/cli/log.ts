/**
 * @file The log: lines on standard error, so that standard output has only the result.
 */
import { now } from '../clock.ts';
import type { Progress } from '../engine/index.ts';
import { escapeControls } from '../gguf/escape.ts';
import { plural } from './plural.ts';

/** Work that takes fewer milliseconds shows no progress. */
const QUIET = 500;
/** Milliseconds between two updates of the progress line. */
const REFRESH = 100;

/** Whether the last line of the terminal is a progress line, which the next line must replace. */
let progressShown = false;

let stream: NodeJS.WriteStream | undefined;

/** Work goes on where the log cannot be written: on a full disk, and when its reader or its terminal has gone. */
function writeLog(text: string): void {
  stream ??= process.stderr.on('error', () => {});
  stream.write(text);
}

/** Writes one line; control characters and line breaks in names of files, and from files, are escaped. */
export function log(line: string): void {
  clearProgress();
  writeLog(`${escapeControls(line)}\n`);
}

/** Writes each line of a text, such as the stack of an error. */
export function logLines(text: string): void {
  for (const line of text.split('\n')) log(line);
}

/**
 * A progress line on a terminal for work that takes longer than half a second; does nothing otherwise.
 * @returns a function to call often with the amount done, the total (`Infinity` while it is unknown), and the text; the line disappears when all is done
 */
export function progressLine(): (done: number, total: number, say: () => string) => void {
  const show = throttled();
  return (done, total, say) => {
    if (done >= total) clearProgress();
    else show(() => `${Number.isFinite(total) ? `${((100 * done) / total).toFixed(0)} % ` : ''}${say()}`);
  };
}

/**
 * A progress line for a stream of unknown length: the number of lines done. Does nothing if the results themselves appear
 * on the terminal.
 * @param what the participle in `120 lines embedded`
 */
export function lineCounter(what: string): { add(n: number): void; end(): void } {
  const show = throttled();
  let done = 0;
  return {
    add(n) {
      done += n;
      if (!process.stdout.isTTY) show(() => `${plural(done, 'line')} ${what}`);
    },
    end: clearProgress,
  };
}

function throttled(): (say: () => string) => void {
  const started = now();
  let last = 0;
  return (say) => {
    const time = now();
    if (time - started < QUIET || time - last < REFRESH || !process.stderr.isTTY) return;
    last = time;
    progressShown = true;
    writeLog(`\r\x1b[K${escapeControls(say())}`);
  };
}

function clearProgress(): void {
  if (progressShown) writeLog('\r\x1b[K');
  progressShown = false;
}

/** Progress of `load` and `embed`. */
export function showProgress(): (progress: Progress) => void {
  const show = progressLine();
  return ({ stage, done, total }) =>
    show(done, total, () => (stage === 'embed' ? `of ${total} tokens embedded` : `of ${byteSize(total)} ${stage}ed`));
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
