/**
 * @file What `serve` loads: not Node's HTTP client, which takes 18 MB, neither at the start nor for the usual requests.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { fixture } from '../http-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'gguf-embed-loaded-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const report = `require('node:worker_threads').isMainThread && process.on('exit', () =>
  console.error('CLIENTS', process.moduleLoadList.filter((name) => name.includes('undici/undici')).length));`;

it('serves without the client', async () => {
  const preload = join(folder, 'report.cjs');
  writeFileSync(preload, report);
  const model = fileURLToPath(fixture('models/bert-mean.gguf'));
  const options = ['serve', '-m', model, '--port', '0', '-t', '1', '--backend', 'wasm'];
  const server = spawn(process.execPath, ['--require', preload, main, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr.on('data', (text) => {
    log += text;
  });
  const exit = new Promise((resolve) => server.once('close', resolve));
  try {
    await expect.poll(() => log, { timeout: 20_000 }).toMatch(/listening on/);
    const url = /listening on (http:\S+)/.exec(log)?.[1];
    const post = async (path: string, body: BodyInit, headers: Record<string, string> = {}) =>
      (await fetch(url + path, { method: 'POST', body, headers })).status;
    for (const path of ['/v1/embeddings', '/embedding', '/embeddings']) {
      expect(await post(path, '{"input":"a"}')).toBe(200);
    }
    expect(await post('/embed', '{"inputs":"a"}')).toBe(200);
    expect(await post('/tokenize', '{"content":"a"}')).toBe(200);
    expect(await post('/rerank', '{')).toBe(501);
    expect(await post('/v1/embeddings', '{')).toBe(400);
    const packed = new Uint8Array(gzipSync('{"input":"a"}'));
    expect(await post('/v1/embeddings', packed, { 'Content-Encoding': 'gzip' })).toBe(200);
    expect(await post('/v1/embeddings', JSON.stringify({ input: 'a', pad: ' '.repeat(200_000) }))).toBe(200);
    for (const path of ['/health', '/models', '/props', '/openapi.json', '/', '/docs']) {
      expect((await fetch(url + path)).status, path).toBe(200);
    }
  } finally {
    server.kill();
    await exit;
  }
  expect(log).toMatch(/^CLIENTS 0$/m);
});
