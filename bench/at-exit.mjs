// What a benchmark leaves behind is cleared away when it ends, whatever ends it.
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** Calls `clear` when the process ends by itself, by an error or by a signal that can be caught. */
export function atExit(clear) {
  process.once('exit', clear);
}

/** A folder for temporary files, which is removed when the process ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'gguf-embed-bench-'));
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
