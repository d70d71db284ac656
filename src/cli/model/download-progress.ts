/**
 * @file Shows the progress of a download: a bar with rate and remaining time on a terminal, elsewhere a line now and then.
 */
import { now } from '../../clock.ts';
import { byteSize, log, progressLine } from '../log.ts';

const BAR_WIDTH = 24;
/** Milliseconds over which the rate is measured, and between two lines without a terminal. */
const RATE_WINDOW = 10_000;
const LINE_INTERVAL = 10_000;

/** Call it often with the bytes received and the total. */
export function downloadProgress(): (done: number, total: number) => void {
  const show = progressLine();
  const samples: { readonly time: number; readonly done: number }[] = [];
  let lastLine = now();
  return (done, total) => {
    const time = now();
    samples.push({ time, done });
    while (samples.length > 2 && time - samples[0].time > RATE_WINDOW) samples.shift();
    const rate = (done - samples[0].done) / Math.max(1, time - samples[0].time);
    const isSized = Number.isFinite(total);
    const say = () => (isSized ? describe(done, total, rate) : `${byteSize(done)}, ${perSecond(rate)}`);
    if (process.stderr.isTTY) show(done, total, () => (isSized ? `${bar(done / total)} ${say()}` : say()));
    else if (time - lastLine >= LINE_INTERVAL && done < total) {
      lastLine = time;
      log(isSized ? `${((100 * done) / total).toFixed(0)} % ${say()}` : say());
    }
  };
}

/** `of 639.2 MB, 12.3 MB/s, 0:34 left`. @param rate bytes a millisecond */
function describe(done: number, total: number, rate: number): string {
  const left = rate > 0 ? `, ${clock((total - done) / rate / 1000)} left` : '';
  return `of ${byteSize(total)}, ${perSecond(rate)}${left}`;
}

/** @param rate bytes a millisecond */
function perSecond(rate: number): string {
  return `${byteSize(Math.round(rate * 1000))}/s`;
}

/** `0:34`, `1:02:03`. */
function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function bar(share: number): string {
  const full = Math.round(BAR_WIDTH * share);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`;
}
