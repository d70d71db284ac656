/**
 * @file The installed package in bundles of esbuild, webpack, Vite, Bun and Rolldown: built and run, those for browsers in
 * Chromium, with two threads. With CI=true only, since the bundlers come from the registry.
 */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { describeBrowser, visit } from '../browser.ts';
import { folder, run } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const home = join(folder, '../bundled');
const wanted = process.env.CI === 'true' && folder !== '';
if (!wanted) console.warn('tests of bundlers are skipped: they run with CI=true');

/** What is bundled for Node: prints how many values the vector has, and on how many threads it was computed. */
const program = (options: string) => `
import { Embedder } from 'gguf-embed';
async function main() {
  const embedder = await Embedder.load('bert-mean.gguf', ${options});
  const { vectors } = await embedder.embed('a text');
  console.log(JSON.stringify([vectors[0].length, embedder.info.threads]));
  await embedder.dispose();
}
main();
`;

/** What is bundled for browsers: the same, posted; of a model from a Blob, and of packed ones from a Blob, a URL, a Response and the file system of the browser. */
const page = (options: string) => `
import { Embedder } from 'gguf-embed';
async function main() {
  const answer = { seen: [] };
  try {
    const packed = new URL('/bert-mean.gguf.gz', location.href);
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle('model', { create: true });
    await (await fetch(packed)).body.pipeTo(await handle.createWritable());
    const blobs = [await (await fetch('/bert-mean.gguf')).blob(), await (await fetch(packed)).blob()];
    for (const source of [...blobs, packed, await fetch(packed), handle]) {
      const embedder = await Embedder.load(source, ${options});
      const { vectors } = await embedder.embed('a text');
      answer.seen.push([vectors[0].length, embedder.info.threads]);
      await embedder.dispose();
    }
  } catch (error) {
    answer.error = String(error?.stack ?? error);
  }
  await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });
}
main();
`;

async function build(...command: string[]): Promise<void> {
  const [name, ...args] = command;
  await promisify(execFile)(join(home, 'node_modules/.bin', name), args, { cwd: home });
}

describe.skipIf(!wanted)('bundled', () => {
  beforeAll(async () => {
    await mkdir(home);
    await writeFile(join(home, 'package.json'), '{ "name": "bundled", "private": true, "type": "module" }\n');
    const bundlers = [
      'esbuild@0.28',
      'webpack@5',
      'webpack-cli@6',
      'vite@8',
      'vite-7@npm:vite@7',
      'rolldown@1',
      'bun@1',
    ];
    bundlers.push('publint@0.3', '@arethetypeswrong/cli@0.18');
    await npm(home, 'install', '--prefer-offline', inject('packed').tarball, ...bundlers);
    await cp(join(folder, 'bert-mean.gguf'), join(home, 'bert-mean.gguf'));
    await writeFile(join(home, 'bert-mean.gguf.gz'), gzipSync(await readFile(join(home, 'bert-mean.gguf'))));
    const two = `backend: 'wasm', threads: 2, worker: true`;
    await writeFile(join(home, 'plain.js'), program(`{ backend: 'wasm' }`));
    await writeFile(join(home, 'threads.js'), program(`{ ${two} }`));
    await writeFile(join(home, 'own.js'), program(`{ ${two}, workerUrl: new URL('./worker.mjs', import.meta.url) }`));
    await writeFile(join(home, 'page.js'), page(`{ ${two} }`));
    await writeFile(join(home, 'page-own.js'), page(`{ ${two}, workerUrl: new URL('./worker.js', import.meta.url) }`));
    await writeFile(join(home, 'worker.js'), `import 'gguf-embed/worker';\n`);
    await writeFile(join(home, 'page.html'), '<!doctype html><script type="module" src="./page.js"></script>\n');
  });

  it('publint and attw find nothing wrong with the package, which is ESM only', async () => {
    const { tarball } = inject('packed');
    await build('publint', 'run', tarball, '--strict');
    await build('attw', tarball, '--profile', 'esm-only');
  });

  describe('for Node by esbuild', () => {
    const esbuild = (entries: string[], format: string, ending: string) =>
      build(
        'esbuild',
        ...entries,
        '--bundle',
        '--platform=node',
        `--format=${format}`,
        '--outdir=node',
        `--out-extension:.js=${ending}`,
      );
    const start = (name: string) => run(process.execPath, [join(home, 'node', name)], { cwd: home });

    it('computes in workers from a bundle that the caller names', async () => {
      await esbuild(['own.js', 'worker.js'], 'esm', '.mjs');
      expect(await start('own.mjs')).toMatchObject({ code: 0, stdout: '[64,2]\n' });
    });

    it('says what to do when the worker was left behind', async () => {
      await esbuild(['threads.js'], 'esm', '.mjs');
      const { code, stderr } = await start('threads.mjs');
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /bundle gguf-embed\/worker and pass its URL as the option workerUrl, or set worker: false/,
      );
    });

    it('says what to do when the worker was copied without what it imports', async () => {
      await esbuild(['threads.js'], 'esm', '.mjs');
      await writeFile(join(home, 'node/team-worker.js'), "import './team-worker-imports.js';\n");
      await writeFile(join(home, 'node/package.json'), '{ "type": "commonjs" }\n');
      const { code, stderr } = await start('threads.mjs');
      await rm(join(home, 'node/team-worker.js'));
      expect(code).toBe(1);
      expect(stderr).toMatch(/ended unexpectedly \(.*; if this program is bundled, also bundle gguf-embed\/worker/);
    });

    it('computes without a worker in the form of CommonJS, which cannot name one', async () => {
      await esbuild(['plain.js'], 'cjs', '.cjs');
      expect(await start('plain.cjs')).toMatchObject({ code: 0, stdout: '[64,1]\n' });
    });
  });

  describeBrowser('for browsers', () => {
    const bundles: Record<string, { command: string; script: string }> = {
      esbuild: {
        command: 'esbuild page-own.js worker.js --bundle --splitting --format=esm --outdir=esbuild',
        script: '/esbuild/page-own.js',
      },
      webpack: {
        command:
          'webpack --mode production --output-public-path /webpack/ --entry ./page.js --output-path webpack --output-filename page.js',
        script: '/webpack/page.js',
      },
      'Vite, which writes workers as scripts': {
        command: 'vite build --config vite.js',
        script: '/vite/page.js',
      },
      'Vite 7': {
        command: '../vite-7/bin/vite.js build --config vite-7.js',
        script: '/vite-7/page.js',
      },
      'Vite, workers as modules': {
        command: 'vite build --config vite-es.js',
        script: '/vite-es/page.js',
      },
      Bun: {
        command: 'bun build page-own.js worker.js --target browser --splitting --outdir bun',
        script: '/bun/page-own.js',
      },
      Rolldown: {
        command: 'rolldown page-own.js worker.js --platform browser --format esm --dir rolldown',
        script: '/rolldown/page-own.js',
      },
    };

    beforeAll(async () => {
      for (const name of ['vite', 'vite-7', 'vite-es']) {
        const output = { entryFileNames: '[name].js' };
        const options = { outDir: name, rollupOptions: { input: './page.js', output } };
        const worker = name === 'vite-es' ? { format: 'es' } : undefined;
        const config = { base: `/${name}/`, build: options, worker };
        await writeFile(join(home, `${name}.js`), `export default ${JSON.stringify(config)};\n`);
      }
    });

    /** What a page posts that has loaded the model from each source, on two threads. */
    const onTwoThreads = { seen: Array(5).fill([64, 2]) };

    it("by Vite's server for development", async () => {
      const vite = spawn(join(home, 'node_modules/.bin/vite'), ['--host', '127.0.0.1', '--port', '0'], { cwd: home });
      try {
        const proxy = await new Promise<string>((resolve, reject) => {
          let log = '';
          vite.stdout.on('data', (data) => {
            log += data;
            const found = /(http:\/\/127\.0\.0\.1:\d+)\//.exec(stripVTControlCharacters(log));
            if (found) resolve(found[1]);
          });
          vite.on('exit', () => reject(new Error(log)));
        });
        expect(await visit<object>(`import '/page.js';`, { isolated: true, proxy })).toEqual(onTwoThreads);
      } finally {
        vite.kill();
      }
    });

    it('by esbuild with the worker inside the bundle', async () => {
      await build(...'esbuild worker.js --bundle --format=esm --outfile=inline/worker.txt'.split(' '));
      const inlined = `URL.createObjectURL(new Blob([worker], { type: 'text/javascript' }))`;
      const script = page(`{ backend: 'wasm', threads: 2, workerUrl: ${inlined} }`);
      await writeFile(join(home, 'page-inline.js'), `import worker from './inline/worker.txt';\n${script}`);
      await build(...'esbuild page-inline.js --bundle --format=esm --loader:.txt=text --outdir=inline'.split(' '));
      const files = pathToFileURL(`${home}/`);
      const answer = await visit<object>(`import '/inline/page-inline.js';`, { isolated: true, files });
      expect(answer).toEqual(onTwoThreads);
    });

    it.for(Object.entries(bundles))('by %s', async ([, { command, script }]) => {
      await build(...command.split(' '));
      const files = pathToFileURL(`${home}/`);
      const answer = await visit<object>(`import '${script}';`, { isolated: true, files });
      expect(answer).toEqual(onTwoThreads);
    });
  });
});
