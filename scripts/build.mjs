/**
 * @file Builds `src`: the WASM module, then every module by itself into `build/modules`, then the package into `dist`.
 *
 * `dist` holds what the package's entry points reach, and the web page: JavaScript in a few chunks (loading a hundred
 * small modules took 70 ms of every start, the chunks take 20), and the type declarations of the public API. Benchmarks
 * and tests that need a single module import it from `build/modules`.
 *
 * Does nothing when neither a source nor a setting has changed since the last build, unless it is given `--force`, as when
 * the package is packed. The new output replaces the old one
 * only once it is whole, so a failed build leaves the old one as it was.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { licensesOf } from './licenses.mjs';

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

const stamp = 'build/stamp';
const isBuilt = [stamp, 'dist/index.js', 'dist/page/index.html', 'build/modules/index.js'].every((path) =>
  existsSync(path),
);
if (!process.argv.includes('--force') && isBuilt && readFileSync(stamp, 'utf8') === fingerprint()) process.exit(0);

run(['scripts/build-wasm.mjs']);

const before = fingerprint();
const work = `build/work-${process.pid}`;
const modules = `${work}/modules`;
const dist = `${work}/dist`;
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
/** Paths of all modules that are bundled. */
const bundledModules = new Set();
run(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', modules]);
nameWorkers();
fixVersion();
await bundle();
await bundlePage();
await bundleOfflinePage();
writeFileSync(`${dist}/THIRD-PARTY-LICENSES.txt`, licensesOf(bundledModules));
packApiDocs();
chmodSync(`${dist}/cli/main.js`, 0o755);
await copyDeclarations();

rmSync(stamp, { force: true });
replace('build/modules', modules);
replace('dist', dist);
writeFileSync(stamp, before);
rmSync(work, { recursive: true, force: true });

function replace(old, fresh) {
  if (existsSync(old)) renameSync(old, `${fresh}.old`);
  renameSync(fresh, old);
}

/** Modules that start a worker name it by its source; what was compiled lies beside them under another ending. */
function nameWorkers() {
  for (const path of walk(modules).filter((path) => path.endsWith('.js'))) {
    const text = readFileSync(path, 'utf8');
    const named = text.replaceAll(/(['"])(\.\/[\w-]+-worker)\.ts\1/g, '$1$2.js$1');
    if (named !== text) writeFileSync(path, named);
  }
}

/** Names of the entry points of package.json in a folder of `dist`. */
function entryPoints(folder) {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const paths = Object.values(exports).map((entry) => entry.default ?? entry);
  return paths.filter((path) => path.startsWith(`./dist/${folder}/`)).map((path) => basename(path, '.js'));
}

/** Puts the version into the module that gives it. */
function fixVersion() {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  writeFileSync(`${modules}/cli/version.js`, `export const packageVersion = async () => ${JSON.stringify(version)};\n`);
}

/**
 * Writes the entry points and the workers with all that they import. What they share lies in `chunks`, and so do the
 * workers, which are started by a path relative to who starts them.
 */
async function bundle() {
  const { rolldown } = await import('rolldown');
  const integrations = entryPoints('integrations');
  const isPage = (path) => path.startsWith(`${modules}/page/`);
  const workers = walk(modules).filter((path) => path.endsWith('-worker.js') && !isPage(path));
  const { importedAtOnce } = await import('./reachable.mjs');
  const startOfCli = new Set(
    importedAtOnce(modules, ['cli/program.js', 'cli/commands/embed.js', 'cli/model/load.js']).map((path) =>
      join(root, modules, path),
    ),
  );
  // Of these packages, the part that is used, without comments: V8 keeps the whole source of a module that is imported. Of the 400 KB of Valibot's, the
  // server uses 17.
  const taken = /^(?:fflate|lru-cache|@?valibot)(?:\/|$)/;
  const bundled = await rolldown({
    input: {
      index: `./${modules}/index.js`,
      'cli/main': `./${modules}/cli/main.js`,
      ...Object.fromEntries(
        integrations.map((name) => [`integrations/${name}`, `./${modules}/integrations/${name}.js`]),
      ),
      ...Object.fromEntries(workers.map((path) => [`chunks/${path.split('/').at(-1).slice(0, -3)}`, `./${path}`])),
    },
    platform: 'node',
    // fflate's build for Node starts with `import … from "module"`, which no browser has; the other one runs everywhere.
    resolve: { alias: { fflate: 'fflate/browser' } },
    external: (id) => !taken.test(id) && !id.startsWith('.') && !id.startsWith('/') && !id.includes(modules),
    experimental: { attachDebugInfo: 'none' },
    onLog(level, log) {
      if (level === 'warn' && log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') console.error(log.message);
    },
  });
  const { output } = await bundled.write({
    dir: dist,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    // The declarations hold the documentation.
    comments: { jsdoc: false },
    codeSplitting: {
      // What only Node has (*.node.js) stays out: the others must load in browsers.
      groups: [
        {
          name: 'model',
          test: /\/modules\/(clock|gguf|models|tensor|workers|kernels\/graph|kernels\/webgpu\/(probe|gpu|errors)\.|engine\/(errors|platform|trace\/profile|team\/(shared-batch|team-methods))|image\/(errors|limits)|engine\/images\/(prepare|image-source))(?!.*\.node\.js)/,
          priority: 2,
        },
        { name: 'engine', test: /\/modules\/(tokenizer|engine\/(?!team\/team-worker))(?!.*\.node\.js)/, priority: 1 },
        { name: 'hub', test: /\/modules\/(hub|nearest)(?!.*\.node\.js)/, priority: 1 },
        { name: 'hub-cache.node', test: /\/modules\/hub\/.*\.node\.js/, priority: 1 },
        // Every file takes about half a millisecond of the start, however small it is.
        { name: 'cli', test: (id) => startOfCli.has(id) },
      ],
    },
  });
  noteModules(output);
  importAtOnce(output, 'chunks/team-worker.js');
  for (const { fileName } of output) writeAsciiOnly(`${dist}/${fileName}`);
  // The sources alone, as in an image of a container, have no model. The program is the same without this, and starts a little later.
  const model = 'models/all-MiniLM-L6-v2-Q8_0.gguf';
  if (!existsSync(model)) return;
  const { markStartFunctions } = await import('./start-functions.mjs');
  markStartFunctions(dist, model);
}

function noteModules(output) {
  for (const { moduleIds = [] } of output) for (const id of moduleIds) bundledModules.add(id);
}

/** V8 keeps a text with any character past U+00FF in two bytes a character. The sources of a process stay in memory, so they get escapes. */
function writeAsciiOnly(path) {
  const text = readFileSync(path, 'utf8');
  // Escapes mean the same in strings, templates and regular expressions; no name in the sources has such characters.
  const escaped = text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (escaped !== text) writeFileSync(path, escaped);
}

/** A bundle of modules for the page. */
async function bundleForBrowser(input, settings = {}) {
  const { rolldown } = await import('rolldown');
  return rolldown({
    input,
    platform: 'browser',
    resolve: { alias: { fflate: 'fflate/browser' } },
    experimental: { attachDebugInfo: 'none' },
    // What only Node has is never reached in a browser.
    plugins: [{ name: 'no-node', load: (id) => (id.endsWith('.node.js') ? 'export {};' : undefined) }],
    onLog(level, log) {
      if (level === 'warn' && log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') console.error(log.message);
    },
    ...settings,
  });
}

/** Writes the web page with the engine that it runs: static files, which need nothing else. */
async function bundlePage() {
  const folder = `${modules}/page`;
  const workers = [...walk(folder), `${modules}/engine/team/team-worker.js`].filter((path) =>
    path.endsWith('-worker.js'),
  );
  const bundled = await bundleForBrowser({
    main: `./${folder}/main.js`,
    ...Object.fromEntries(workers.map((path) => [basename(path, '.js'), `./${path}`])),
  });
  const { output } = await bundled.write({
    dir: `${dist}/page/page`,
    format: 'esm',
    minify: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[name].js',
  });
  noteModules(output);
  copyFileSync('src/page/index.html', `${dist}/page/index.html`);
  copyFileSync('src/page/page.css', `${dist}/page/page/page.css`);
}

/**
 * Writes the variant of the page that opens from `file:`. Browsers refuse modules and the files of workers there, so one
 * script holds the page and, as texts, a script for each worker. Without shared memory there are no workers of the engine.
 */
async function bundleOfflinePage() {
  const folder = `${modules}/page`;
  const script = async (path, url) => {
    const bundled = await bundleForBrowser(`./${path}`, { transform: { define: { 'import.meta.url': url } } });
    const { output } = await bundled.generate({ format: 'iife', name: 'page', minify: true, codeSplitting: false });
    noteModules(output);
    return output[0].code;
  };
  const workers = walk(folder).filter((path) => path.endsWith('-worker.js'));
  const sources = await Promise.all(
    workers.map(async (path) => [basename(path), await script(path, '"file:///worker.js"')]),
  );
  const main = await script(`${folder}/main.js`, 'document.baseURI');
  const to = `${dist}/page/offline`;
  mkdirSync(to);
  writeFileSync(
    `${to}/main.js`,
    `globalThis.ggufEmbedWorkers=${JSON.stringify(Object.fromEntries(sources))};\n${main}`,
  );
  writeFileSync(`${to}/redirect.js`, await script(`${folder}/offline/redirect.js`, '""'));
  copyFileSync('src/page/offline/index.html', `${to}/index.html`);
}

/** Packs the page at /docs: Swagger UI has 2 MB unpacked, and is seldom looked at. */
function packApiDocs() {
  const swagger = 'node_modules/swagger-ui-dist';
  const licenses = ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'];
  const files = {
    'swagger-ui-bundle.js': readFileSync(`${swagger}/swagger-ui-bundle.js`, 'utf8').replace(
      /\n\/\/# sourceMapping.*/,
      '',
    ),
    'swagger-ui.css': readFileSync(`${swagger}/swagger-ui.css`, 'utf8').replace(/\n\/\*# sourceMapping.*/, ''),
    'LICENSE.txt': licenses.map((name) => readFileSync(`${swagger}/${name}`, 'utf8')).join('\n'),
  };
  for (const name of readdirSync('src/server/api-docs'))
    files[name] = readFileSync(`src/server/api-docs/${name}`, 'utf8');
  mkdirSync(`${dist}/docs`, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${dist}/docs/${name}.br`, brotliCompressSync(text));
}

/**
 * Vite writes workers as scripts of one file by default, and refuses a worker that imports modules on demand. So the
 * worker imports one more module: it is empty, and in browsers (package.json, `browser`) another one takes its place,
 * which imports at once what the worker would import on demand.
 */
function importAtOnce(chunks, worker) {
  const name = `${worker.slice(0, -3)}-imports`;
  const paths = onDemand(chunks, worker);
  const imports = paths.map((path, index) => `import * as module${index} from './${basename(path)}';\n`);
  // Bundlers drop what has no use.
  const use = `globalThis.ggufEmbedModules = [${paths.map((_, index) => `module${index}`).join(', ')}];\n`;
  writeFileSync(`${dist}/${name}.js`, 'export {};\n');
  writeFileSync(`${dist}/${name}.browser.js`, imports.join('') + use);
  const code = readFileSync(`${dist}/${worker}`, 'utf8');
  writeFileSync(`${dist}/${worker}`, `import './${basename(name)}.js';\n${code}`);
}

/** Paths of the chunks that a chunk imports on demand, and that those import; what only Node has is not followed. */
function onDemand(chunks, entry) {
  const found = new Set();
  const reached = new Set([entry]);
  for (const path of reached) {
    const { imports, dynamicImports } = chunks.find(({ fileName }) => fileName === path) ?? {};
    for (const imported of dynamicImports ?? []) found.add(imported);
    if (path.endsWith('.node.js')) continue;
    for (const imported of [...(imports ?? []), ...(dynamicImports ?? [])]) reached.add(imported);
  }
  return [...found].sort();
}

/** Brings the declarations of what package.json exports, and those that they reach. */
async function copyDeclarations() {
  const { reachable } = await import('./reachable.mjs');
  const integrations = entryPoints('integrations').map((name) => `integrations/${name}.d.ts`);
  for (const path of reachable(modules, ['index.d.ts', 'engine/team/team-worker.d.ts', ...integrations])) {
    // TypeScript before 5.7 has no type parameters here, and later versions have a default.
    const text = readFileSync(join(modules, path), 'utf8').replaceAll(/\b(\w+Array)<ArrayBuffer(?:Like)?>/g, '$1');
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    writeFileSync(join(dist, path), text);
  }
}
