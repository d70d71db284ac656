/**
 * @file Runtimes without WebAssembly (Node with --jitless, browsers in a hardened mode), and those that give it no memory.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, expect, it, vi } from 'vitest';
import { Embedder } from '../../src/index.ts';
import { prepareWasm } from '../../src/kernels/wasm/index.ts';
import { main, model } from '../cli/run.ts';
import { fixture } from './support.ts';

afterEach(() => vi.unstubAllGlobals());

it('auto computes with the reference backend, and wasm is refused', async () => {
  vi.stubGlobal('WebAssembly', undefined);
  const embedder = await Embedder.load(fixture('bert-mean'), { worker: false });
  expect(embedder.info.backend).toBe('reference');
  expect((await embedder.embed('a text')).vectors[0].length).toBe(64);
  await embedder.dispose();
  await expect(Embedder.load(fixture('bert-mean'), { worker: false, backend: 'wasm' })).rejects.toThrow(
    'the wasm backend needs WebAssembly SIMD, which this runtime lacks; use the reference backend',
  );
});

it.each(['embed', 'tokenize'])('node --jitless: %s', (command) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--jitless', main, command, '-m', model('bert-mean'), '-p', 'x'],
    { env: { PATH: process.env.PATH }, encoding: 'utf8' },
  );
  expect(stderr.replace(/^Warning: disabling flag .*\n/, '')).toBe('');
  expect([status, stdout.length > 20]).toEqual([0, true]);
});

it('says what to do where there is no address space', async () => {
  class Memory {
    constructor() {
      throw new RangeError('could not allocate memory');
    }
  }
  vi.stubGlobal('WebAssembly', Object.create(WebAssembly, { Memory: { value: Memory } }));
  await expect(prepareWasm({ nThreads: 1, shared: false })).rejects.toThrow(
    /no address space .*ulimit -v.*--disable-wasm/,
  );
});
