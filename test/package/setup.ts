/**
 * @file Packs the package once and installs the tarball into an empty project in the system's temporary folder, where
 * nothing of this repository can be found by accident. All tests of this folder share that project.
 *
 * Without a package registry there is no project and the tests are skipped; with CI=true that is an error.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

/** The installed package. */
export interface Packed {
  /** Paths in the tarball. */
  readonly files: readonly string[];
  /** Where the tarball lies. */
  readonly tarball: string;
  /** The project that it is installed in, or why there is none. */
  readonly project: string | { readonly missing: string };
  /** Whether the package `webgpu` is installed beside it, or why not. */
  readonly webgpu: true | { readonly missing: string };
}

declare module 'vitest' {
  export interface ProvidedContext {
    packed: Packed;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const models = [
  'models/all-MiniLM-L6-v2-Q8_0.gguf',
  'test/fixtures/models/bert-rank.gguf',
  'test/fixtures/models/bert-mean.gguf',
];

/** npm as a user runs it: without what the npm that runs these tests has put into the environment. */
export async function npm(folder: string, ...args: readonly string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS)/i.test(name)));
  const { stdout } = await promisify(execFile)('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    env,
    maxBuffer: 1 << 26,
    shell: process.platform === 'win32',
  });
  return stdout;
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-package-'));
  const [packed] = JSON.parse(await npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder));
  const project = join(folder, 'project');
  await mkdir(join(folder, 'home'));
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
  for (const model of models) await cp(join(root, model), join(project, model.split('/').at(-1)!));

  const install = async (what: string): Promise<true | { missing: string }> => {
    try {
      await npm(project, 'install', '--prefer-offline', what);
      return true;
    } catch (error) {
      const missing = `${what} could not be installed: ${(error as Error).message}`;
      if (process.env.CI === 'true') throw new Error(missing, { cause: error });
      return { missing };
    }
  };
  const tarball = join(folder, packed.filename);
  const installed = await install(tarball);
  provide('packed', {
    tarball,
    files: packed.files.map(({ path }: { path: string }) => path),
    project: installed === true ? project : installed,
    webgpu:
      installed === true && wantsWebGpu() ? await install('webgpu@0.6.2') : { missing: 'webgpu is not installed here' },
  });
  return () => rm(folder, { recursive: true, force: true });
}

/** Dawn is 132 MB: downloaded only where the GPU is required, or where this clone has it already. */
function wantsWebGpu(): boolean {
  if (process.env.GGUF_EMBED_REQUIRE_GPU === '1') return true;
  try {
    createRequire(import.meta.url).resolve('webgpu');
    return true;
  } catch {
    return false;
  }
}
