/**
 * @file Progress on a terminal: from half a second on, gone afterwards, and never elsewhere.
 */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { lineCounter, log, logLines, progressLine } from '../../src/cli/log.ts';

let written = '';
const terminal = { stdout: process.stdout.isTTY, stderr: process.stderr.isTTY };

beforeEach(() => {
  written = '';
  vi.useFakeTimers({ toFake: ['hrtime'] });
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    written += String(chunk);
    return true;
  });
  process.stderr.isTTY = true;
  process.stdout.isTTY = false;
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  process.stderr.isTTY = terminal.stderr;
  process.stdout.isTTY = terminal.stdout;
});

it('shows how far long work is, and clears the line at the end', () => {
  const show = progressLine();
  show(1, 4, () => 'of it');
  expect(written).toBe('');
  vi.advanceTimersByTime(600);
  show(2, 4, () => 'of it');
  show(3, 4, () => 'too soon');
  expect(written).toBe('\r\x1b[K50 % of it');
  show(4, 4, () => 'of it');
  expect(written).toBe('\r\x1b[K50 % of it\r\x1b[K');
});

it('counts where the end is not known; a message replaces the line', () => {
  const counter = lineCounter('embedded');
  counter.add(3);
  vi.advanceTimersByTime(600);
  counter.add(4);
  log('error: no');
  counter.end();
  expect(written).toBe('\r\x1b[K7 lines embedded\r\x1b[Kerror: no\n');
});

it('says nothing without a terminal, nor between results that are seen on it', () => {
  process.stdout.isTTY = true;
  const counter = lineCounter('embedded');
  vi.advanceTimersByTime(600);
  counter.add(1);
  process.stderr.isTTY = false;
  const show = progressLine();
  vi.advanceTimersByTime(600);
  show(1, 2, () => 'of it');
  show(2, 2, () => 'of it');
  expect(written).toBe('');
});

it('writes a line for a name with line breaks, so that a file cannot forge one', () => {
  process.stderr.isTTY = false;
  log('models: a\nerror: b, \x1b[31mc');
  logLines('Error: x\n    at y\r');
  expect(written).toBe('models: a\\u000aerror: b, \\u001b[31mc\nError: x\n    at y\\u000d\n');
});
