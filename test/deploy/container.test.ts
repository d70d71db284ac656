/**
 * @file The steps of the container file, without a builder: each stage in a folder of its own, its `RUN` lines by the shell and its
 * `COPY` lines as copies. The image then runs as its last lines say: without rights, and where the system allows it, on a file
 * system that cannot be written to. It needs a package registry, so CI=true.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listening, model } from '../cli/run.ts';

const exec = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Step {
  readonly name: string;
  readonly rest: string;
}
const steps: readonly Step[] = readFileSync(`${root}deploy/Containerfile`, 'utf8')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n/g, '')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => ({ name: line.split(' ')[0], rest: line.slice(line.indexOf(' ') + 1).trim() }));
const last = (name: string) => steps.findLast((step) => step.name === name)!.rest;

/** Copies of the repository. */
const copied = steps
  .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--'))
  .flatMap(({ rest }) => rest.split(' ').slice(0, -1));

it('copies files of the repository, which the list of ignored files lets through', async () => {
  const { stdout } = await exec('git', ['ls-files', '--', ...copied], { cwd: root, maxBuffer: 1 << 24 });
  const files = stdout.split('\n');
  const isTracked = (path: string) => files.some((file) => file === path || file.startsWith(`${path}/`));
  expect(copied.length).toBeGreaterThan(5);
  expect(copied.filter((path) => !isTracked(path))).toEqual([]);
  const rules = readFileSync(`${root}deploy/Containerfile.dockerignore`, 'utf8').trim().split('\n');
  expect(rules.toSorted()).toEqual(['*', ...new Set(copied.map((path) => `!${path}`))].toSorted());
});

/** Runs the steps below `folder`. */
async function build(folder: string): Promise<string> {
  let stage = '';
  let workdir = '';
  const into = (path: string) => join(folder, stage, path.startsWith('/') ? path : join(workdir, path));
  for (const { name, rest } of steps) {
    if (name === 'FROM') {
      stage = / AS (\w+)$/.exec(rest)?.[1] ?? 'image';
    } else if (name === 'WORKDIR') {
      workdir = rest;
      await mkdir(into('.'), { recursive: true });
    } else if (name === 'RUN') {
      // A path from the root would be one of this machine.
      expect(rest).not.toMatch(/(?:^|[\s=])\//);
      await exec('sh', ['-c', rest], { cwd: into('.'), env: outsideNpm(), maxBuffer: 1 << 26, timeout: 300_000 });
    } else if (name === 'COPY') {
      const words = rest.split(' ');
      const option = (flag: string) => words.find((word) => word.startsWith(flag))?.slice(flag.length);
      const [from, owner] = [option('--from='), option('--chown=')];
      const [target, ...sources] = words.filter((word) => !word.startsWith('--')).reverse();
      for (const source of sources) {
        const destination = target.endsWith('/') ? join(target, basename(source)) : target;
        const origin = from === undefined ? join(root, source) : join(folder, from, source);
        await cp(origin, into(destination), { recursive: true, verbatimSymlinks: true });
        if (owner !== undefined && process.getuid?.() === 0) {
          await chown(into(destination), ...(owner.split(':').map(Number) as [number, number]));
        }
      }
    }
  }
  return join(folder, 'image');
}

/** The environment without what the npm that runs these tests has put into it. */
function outsideNpm(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITE)/i.test(name)));
}

async function bytes(path: string): Promise<number> {
  const found = await lstat(path);
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytes(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What makes a program run without rights, on a file system that it cannot write to. */
function confinement(): readonly string[] {
  const user = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--no-new-privs'];
  const mount = ['unshare', '--mount', '--propagation=private', 'sh', '-c'];
  const readOnly = [...mount, 'mount -o remount,bind,ro / && exec "$@"', 'sh'];
  for (const words of [[...readOnly, ...user], user]) {
    try {
      execFileSync(words[0], [...words.slice(1), 'true'], { stdio: 'ignore' });
      return words;
    } catch {
      // Not root, or a container that may not mount.
    }
  }
  console.warn('SKIPPED: running the image without rights: only root can give them up');
  return [];
}

describe.skipIf(process.env.CI !== 'true')('the image', () => {
  let folder: string;
  let image: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gguf-embed-image-'));
    await chmod(folder, 0o755);
    image = await build(folder);
  }, 600_000);
  afterAll(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  it('has at most 120 MB beside its base, and no tools of development', async () => {
    expect(await bytes(image)).toBeLessThan(120e6);
    expect(existsSync(join(image, 'app/node_modules/yaml'))).toBe(true);
    expect(existsSync(join(image, 'app/node_modules/typescript'))).toBe(false);
  });

  it('answers without rights, is healthy, and stops when it is told to', async () => {
    expect(last('USER')).toBe('1000:1000');
    const words = /(\w+=\S+)/g;
    const given = Object.fromEntries(
      last('ENV')
        .match(words)!
        .map((pair) => pair.split('=') as [string, string]),
    );
    const env = {
      PATH: process.env.PATH,
      ...given,
      LLAMA_ARG_HOST: '127.0.0.1',
      LLAMA_ARG_PORT: '0',
      LLAMA_ARG_MODEL: model('bert-mean'),
      GGUF_EMBED_BACKEND: 'wasm',
    };
    const inImage = (path: string) => (path.startsWith('/app/') ? join(image, path) : path);
    const program = [...JSON.parse(last('ENTRYPOINT')), ...JSON.parse(last('CMD'))].map(inImage);
    const [command, ...args] = [...confinement(), ...program];
    const { child, end, url } = await listening(spawn(command, args, { env, cwd: '/' }));
    const [, check] = /CMD (\[.*\])$/.exec(last('HEALTHCHECK'))!;
    const [node, ...probe] = JSON.parse(check);
    const { port } = new URL(url);
    await exec(node, probe, { env: { ...env, LLAMA_ARG_PORT: port } });
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    const body = JSON.stringify({ input: 'a' });
    const answer = await fetch(`${url}/v1/embeddings`, { method: 'POST', body });
    expect(((await answer.json()) as { data: { embedding: number[] }[] }).data[0].embedding.length).toBeGreaterThan(0);
    child.kill('SIGTERM');
    expect((await end).code).toBe(0);
    await expect(exec(node, probe, { env: { ...env, LLAMA_ARG_PORT: port } })).rejects.toMatchObject({ code: 1 });
  }, 60_000);
});
