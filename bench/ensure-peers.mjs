// Installs the heavy peers into bench/node_modules the first time a benchmark asks for one. Their install scripts stay
// off: the packages named here ship their binaries.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** @param {string} name package that must be there */
export function ensurePeer(name) {
  const here = new URL('.', import.meta.url);
  if (existsSync(new URL(`node_modules/${name}/package.json`, here))) return;
  console.error(`Installing the benchmark's peers into bench/node_modules (about 1 GB, once) …`);
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: here,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('the peers could not be installed: see the messages of npm above');
}
