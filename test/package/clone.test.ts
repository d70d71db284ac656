/**
 * @file The error that the package `webgpu` is missing names two commands: one for a project that uses this package, one
 * for a clone of it. Each is run there, and the backend then works. Only where the GPU is required: 132 MB each time.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, it, vi } from 'vitest';
import { bundled, describeWebGpu, folder, run } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 240_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
const { tarball } = inject('packed');

/** Embeds with the program of a folder, on the GPU. */
function embed(main: string) {
  const options = ['--backend', 'webgpu', '--no-autotune', '--embd-output-format', 'array'];
  return run(process.execPath, [main, 'embed', '-m', bundled, '-p', 'a text', ...options]);
}

/** The commands of the error message, after `npm`. */
async function advice(main: string): Promise<string[][]> {
  const { code, stderr } = await embed(main);
  expect(code).toBe(1);
  return [...stderr.matchAll(/npm (install [^()\n]*webgpu@[\d.]+)/g)].map(([, command]) => command.split(' '));
}

describeWebGpu('the advice about the missing package', () => {
  it('works in a project', async () => {
    const project = join(folder, '../user');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{ "name": "user", "private": true }\n');
    await npm(project, 'install', '--prefer-offline', tarball);
    const main = join(project, 'node_modules/gguf-embed/dist/cli/main.js');
    const [command] = await advice(main);
    await npm(project, ...command);
    const { code, stderr } = await embed(main);
    expect(code, stderr).toBe(0);
  });

  it('works in a clone, and changes no file of it', async () => {
    const clone = join(folder, '../clone');
    await mkdir(clone);
    for (const name of ['package.json', 'package-lock.json', '.npmrc', 'dist']) {
      await cp(join(root, name), join(clone, name), { recursive: true });
    }
    await npm(clone, 'ci', '--prefer-offline');
    const main = join(clone, 'dist/cli/main.js');
    const [, command] = await advice(main);
    await npm(clone, ...command);
    const { code, stderr } = await embed(main);
    expect(code, stderr).toBe(0);
    for (const name of ['package.json', 'package-lock.json']) {
      expect(await readFile(join(clone, name), 'utf8')).toBe(await readFile(join(root, name), 'utf8'));
    }
  });
});
