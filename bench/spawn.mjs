// Starts the programs that benchmarks measure. They end with the benchmark, whatever ends it: a signal to it alone would leave them running, and
// they would disturb the next measurement.
import { spawn as spawnOnly } from 'node:child_process';
import { constants } from 'node:os';

const running = new Set();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** `spawn` of `node:child_process`; the program is killed when this process exits. */
export function spawn(...program) {
  const child = spawnOnly(...program);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}
