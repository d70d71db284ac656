/**
 * @file What a start of `embed` loads, and that its output arrives whole without Node's stream for it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { canHaveGpu } from '../../src/engine/platform.ts';
import { finished, main, model, run } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const bert = model('bert-mean');
const environment = { PATH: process.env.PATH, GGUF_EMBED_BACKEND: 'wasm' };

it.skipIf(process.platform === 'win32')('loads no streams, no promises of files and no performance timers', () => {
  const list = folder.write(
    'list.cjs',
    `process.on('exit', () => require('fs').writeSync(2, process.moduleLoadList.join('\\n')))`,
  );
  const loadedBy = (...args: string[]) => {
    const { stderr } = spawnSync(process.execPath, ['-r', list, ...args], { env: environment, encoding: 'utf8' });
    return new Set(stderr.split('\n'));
  };
  // Node 20 itself loads promises of files.
  const ofNode = loadedBy(folder.write('empty.mjs', ''));
  const loaded = [...loadedBy(main, 'embed', '-m', bert, '-p', 'x')].filter((line) => !ofNode.has(line));
  for (const name of ['stream', 'internal/fs/promises', 'perf_hooks'])
    expect(loaded).not.toContain(`NativeModule ${name}`);
  expect(loaded.length).toBeGreaterThan(0);
});

it.skipIf(process.platform === 'win32')('serves without promises of files', async () => {
  const list = folder.write('serve.cjs', `process.on('exit', () => console.error(process.moduleLoadList.join('\\n')))`);
  // Node's module about V8, which packing needs, loads them from Node 24 on.
  const serve = ['serve', '-m', bert, '--port', '0', '--no-packing'];
  const child = spawn(process.execPath, ['-r', list, main, ...serve], { env: environment });
  child.stderr.on('data', (data) => {
    if (String(data).includes('listening on')) child.kill('SIGTERM');
  });
  const { stderr } = await finished(child);
  expect(stderr).toContain('NativeModule net\n');
  // Node 20 itself loads them.
  if (!process.versions.node.startsWith('20.')) expect(stderr).not.toContain('NativeModule internal/fs/promises\n');
});

it('has the code of functions that it calls compiled with their chunk', () => {
  const names = { cli: 'runProgram', engine: 'createTokenizer', model: 'outlineModel', wasm: 'prepareWasm' };
  for (const [chunk, name] of Object.entries(names)) {
    const code = readFileSync(new URL(`../chunks/${chunk}.js`, pathToFileURL(main)), 'utf8');
    expect(code).toMatch(new RegExp(`^var ${name} = \\((async )?function ${name}\\(`, 'm'));
  }
});

it('writes megabytes to a file, and to a pipe whose reader is slow', async () => {
  const input = Array.from({ length: 400 }, (_, i) => `text ${i}`).join('\n');
  const args = ['embed', '-m', bert, '--embd-output-format', 'json', '-f', folder.write('texts.txt', input)];
  const { stdout } = await run(args);
  expect((JSON.parse(stdout) as { data: unknown[] }).data).toHaveLength(400);
  const path = folder.file('out.json');
  const file = openSync(path, 'w');
  spawnSync(process.execPath, [main, ...args], { env: environment, stdio: ['ignore', file, 'inherit'] });
  closeSync(file);
  expect(readFileSync(path, 'utf8')).toBe(stdout);
  const child = spawn(process.execPath, [main, ...args], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  let slowly = '';
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout) {
    slowly += text;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(slowly).toBe(stdout);
});

it('looks for a GPU on Linux only where a driver has made a device', () => {
  expect(canHaveGpu('linux', () => ['null', 'tty', 'vda'])).toBe(false);
  expect(canHaveGpu('linux', () => ['null', 'dri'])).toBe(true);
  expect(canHaveGpu('linux', () => ['nvidia0', 'nvidiactl'])).toBe(true);
  expect(canHaveGpu('linux', () => undefined)).toBe(true);
  expect(canHaveGpu('darwin', () => [])).toBe(true);
});
