// Installs the heavy peers into bench/node_modules the first time a benchmark asks for one. Their install scripts stay
// off: the packages named here ship their binaries. Not by `npm ci`, which wants to see every optional package for every
// platform, and not each of them is on every registry.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** @param {string} name package that must be there */
export function ensurePeer(name) {
  const here = new URL('.', import.meta.url);
  if (existsSync(new URL(`node_modules/${name}/package.json`, here))) return;
  console.error(`Installing the benchmark's peers into bench/node_modules (about 1 GB, once) …`);
  const { status } = spawnSync(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: here,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    },
  );
  if (status !== 0)
    throw new Error(`${name} could not be installed: see the messages of npm above, and try again with a network`);
}
