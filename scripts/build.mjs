// Builds src into dist: the WASM module first (when it has a build script of its own), then JavaScript and declarations.
// Does nothing when neither a source nor a setting has changed since the last build. The new dist replaces the old one
// only once it is whole, so that a failed build leaves the old one as it was.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** Size and time of every file that the build reads, as one hash. */
function fingerprint() {
  const hash = createHash('sha256').update(process.version);
  const settings = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  const inputs = [...settings, ...walk('scripts'), ...walk('src')].sort();
  for (const path of inputs) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(path) : [path];
  });
}

function run(args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`The build stopped: node ${args.join(' ')} ended with status ${status}.`);
    process.exit(1);
  }
}

const stamp = 'dist/.stamp';
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()) process.exit(0);

if (existsSync('scripts/build-wasm.mjs')) run(['scripts/build-wasm.mjs']);

const before = fingerprint();
const fresh = `build/dist-${process.pid}`;
const old = `build/old-${process.pid}`;
mkdirSync('build', { recursive: true });
rmSync(fresh, { recursive: true, force: true });
run(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', fresh]);
const bin = `${fresh}/cli/main.js`;
if (existsSync(bin)) chmodSync(bin, 0o755);
writeFileSync(`${fresh}/.stamp`, before);

if (existsSync('dist')) renameSync('dist', old);
renameSync(fresh, 'dist');
rmSync(old, { recursive: true, force: true });
