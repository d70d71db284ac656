// Starts the programs that benchmarks measure. They end with the benchmark, whatever ends it: a signal to it alone would leave them running, and
// they would disturb the next measurement.
import { fork as forkOnly, spawn as spawnOnly } from 'node:child_process';
import { atExit } from './at-exit.mjs';

const running = new Set();

atExit(() => {
  for (const child of running) child.kill('SIGKILL');
});

function endsWithThis(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** `spawn` of `node:child_process`; the program is killed when this process exits. */
export const spawn = (...program) => endsWithThis(spawnOnly(...program));

/** `fork` of `node:child_process`; the program is killed when this process exits. */
export const fork = (...program) => endsWithThis(forkOnly(...program));
