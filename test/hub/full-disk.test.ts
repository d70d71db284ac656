/**
 * @file A download on a disk that is full: a file system in memory of 16 MB, mounted in a namespace of its own. Needs Linux
 * that lets the user do that.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { main, model as modelOf } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { randomBytes } from './random-bytes.ts';
import { sha256, startHub } from './server.ts';

const hub = await startHub();
const disk = temporaryFolder().file('disk');
mkdirSync(disk);
const mount = `mount -t tmpfs -o size=16m tmpfs '${disk}'`;
const canMount = spawnSync('unshare', ['-Urm', 'sh', '-c', mount]).status === 0;
if (!canMount)
  console.warn('the test of a full disk is skipped: this system lets nobody mount a file system in memory');

it.skipIf(!canMount)('pull on a full disk says so, and goes on from there when there is room', async () => {
  const model = randomBytes(40 * 2 ** 20, 9);
  hub.add('someone/tiny-GGUF', { 'large-Q8_0.gguf': model });
  const pull = `'${process.execPath}' '${main}' pull someone/tiny-GGUF`;
  const script = `${mount} && ! ${pull} && echo there is room now >&2 && mount -o remount,size=64m '${disk}' && sha256sum $(${pull})`;
  const env = { PATH: process.env.PATH, HOME: disk, HF_ENDPOINT: hub.endpoint };
  const child = spawn('unshare', ['-Urm', 'sh', '-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    if (String(data).includes('there is room now')) hub.seen.length = 0;
    stderr += data;
  });
  expect(await once(child, 'close'), stderr).toEqual([0, null]);
  expect(stderr).toMatch(
    /cannot be written: the disk is full; free some space and run the command again: it continues from there\n/,
  );
  expect(stdout).toContain(sha256(model));
  const asked = hub.seen
    .filter(({ origin }) => origin === 'files')
    .flatMap(({ range }) => /^bytes=(\d+)-(?!0$)(\d+)/.exec(range ?? '') ?? [])
    .map(Number)
    .filter(Number.isInteger);
  let bytes = 0;
  for (let i = 0; i < asked.length; i += 2) bytes += asked[i + 1] - asked[i] + 1;
  // The disk took nearly 16 MB.
  expect(bytes).toBeGreaterThan(20 * 2 ** 20);
  expect(bytes).toBeLessThan(30 * 2 ** 20);
});

it.skipIf(!canMount)(
  'without room for its lock, pull says so and leaves none; a read-only disk has what is there',
  async () => {
    const model = await readFile(modelOf('bert-mean'));
    hub.add('x/y', { 'tiny-F32.gguf': model });
    const pull = `'${process.execPath}' '${main}' pull '${hub.filesOrigin}/x/y/tiny-F32.gguf'`;
    const steps = [
      mount,
      `mkdir '${disk}/.cache' '${disk}/.cache/llama.cpp'`,
      `! dd if=/dev/zero of='${disk}/fill' bs=4k 2> /dev/null`,
      `! ${pull}`,
      `ls '${disk}/.cache/llama.cpp'`,
      `rm '${disk}/fill'`,
      pull,
      `mount -o remount,ro '${disk}'`,
      pull,
      `! ${pull.replace('tiny-F32', 'other')}`,
    ];
    const env = { PATH: process.env.PATH, HOME: disk, HF_ENDPOINT: hub.endpoint };
    const child = spawn('unshare', ['-Urm', 'sh', '-c', steps.join(' && ')], { env });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    expect(await once(child, 'close'), stderr).toEqual([0, null]);
    const path = `${disk}/.cache/llama.cpp/tiny-F32.gguf`;
    expect(stdout).toBe(`${path}\n${path}\n`);
    expect(stderr).toContain(`error: ${path}.gguf-embed.lock cannot be written: the disk is full`);
    expect(stderr).not.toContain('waiting for another process');
    expect(stderr).toContain('other.gguf.gguf-embed.lock cannot be written: the file system is read-only');
  },
);
