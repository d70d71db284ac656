// Builds src into dist: the WASM module, then JavaScript and declarations file by file, then the entry points once more with
// all they import in a few chunks: loading a hundred small modules took 70 ms of every start, the chunks take 20.
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
await bundle();
const bin = `${fresh}/cli/main.js`;
if (existsSync(bin)) chmodSync(bin, 0o755);
writeFileSync(`${fresh}/.stamp`, before);

if (existsSync('dist')) renameSync('dist', old);
renameSync(fresh, 'dist');
rmSync(old, { recursive: true, force: true });

/**
 * Replaces the entry points by bundled ones. What they share lies in chunks/, and so do the workers, which are
 * started by a path relative to who starts them. The single modules stay where they are, for benchmarks that import one of them.
 */
async function bundle() {
  const { rolldown } = await import('rolldown');
  const bundled = await rolldown({
    input: {
      index: `./${fresh}/index.js`,
      'cli/main': `./${fresh}/cli/main.js`,
      'chunks/team-worker': `./${fresh}/engine/team-worker.js`,
      'chunks/large-request-worker': `./${fresh}/server/large-request-worker.js`,
    },
    platform: 'node',
    external: (id) => id !== 'fflate' && !id.startsWith('.') && !id.startsWith('/') && !id.includes('build/dist-'),
    onLog(level, log) {
      if (level === 'warn' && log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') console.error(log.message);
    },
  });
  await bundled.write({
    dir: fresh,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: {
      // What only Node has (*.node.js) stays out: the others must load in browsers.
      groups: [
        {
          name: 'model',
          test: /dist-\d+\/(gguf|models|tensor|engine\/(errors|platform|profile|protocol))(?!.*\.node\.js)/,
          priority: 1,
        },
        { name: 'engine', test: /dist-\d+\/(tokenizer|engine\/(?!team-worker))(?!.*\.node\.js)/ },
      ],
    },
  });
}
