/**
 * @file The built package in a browser: no bundler, no Node, workers over shared memory.
 *
 * Chromium is looked for in the path (CHROMIUM names another). Without it the tests are skipped and say so; with
 * GGUF_EMBED_REQUIRE_BROWSER=1 (CI) they fail.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Embedder } from 'gguf-embed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cosine } from '../vectors.ts';
import { bundled } from './support.ts';

const chromium = process.env.CHROMIUM ?? 'chromium';
const found = spawnSync(chromium, ['--version']).status === 0;
if (!found) {
  const message = `browser tests are skipped: there is no ${chromium} (scripts/ci-install-chromium.sh installs it on Debian)`;
  if (process.env.GGUF_EMBED_REQUIRE_BROWSER === '1') throw new Error(message);
  console.warn(message);
}

const root = new URL('../../', import.meta.url);
const types: Record<string, string> = { '.js': 'text/javascript', '.html': 'text/html; charset=utf-8' };
const texts = ['a text', 'Zürich, 東京 and Nuuk', 'x '.repeat(200)];

/** A page that loads the bundled model from a Blob and posts what it finds. */
const page = (options: object) => `<!doctype html><script type="module">
const answer = {};
try {
  const { Embedder } = await import('/dist/index.js');
  const blob = await (await fetch('/models/all-MiniLM-L6-v2-Q8_0.gguf')).blob();
  const embedder = await Embedder.load(blob, ${JSON.stringify(options)});
  answer.info = embedder.info;
  answer.vectors = (await embedder.embed(${JSON.stringify(texts)})).vectors.map((vector) => [...vector]);
  await embedder.dispose();
} catch (error) {
  answer.error = String(error?.stack ?? error);
}
await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });
</script>`;

interface Answer {
  error?: string;
  info: { backend: string; threads: number };
  vectors: number[][];
}

describe.skipIf(!found)('in a browser', () => {
  let server: Server;
  let expected: Float32Array[];
  let isolated = true;
  let options = {};
  let answered: (answer: Answer) => void = () => {};

  beforeAll(async () => {
    const embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 1 });
    expected = (await embedder.embed(texts)).vectors;
    await embedder.dispose();
    server = createServer(async (request, response) => {
      response.setHeader('Content-Type', types[extname(request.url ?? '')] ?? 'application/octet-stream');
      if (isolated) {
        response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
        response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
      }
      if (request.url === '/page.html') response.end(page(options));
      else if (request.url === '/answer') {
        answered(JSON.parse(await bodyOf(request)));
        response.end();
      } else {
        const file = await readFile(new URL(`.${request.url}`, root)).catch(() => undefined);
        response.statusCode = file === undefined ? 404 : 200;
        response.end(file);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void server.close());

  async function visit(with_: { isolated: boolean; options: object }): Promise<Answer> {
    ({ isolated, options } = with_);
    const profile = await mkdtemp(join(tmpdir(), 'gguf-embed-browser-'));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', `--user-data-dir=${profile}`];
    const { port } = server.address() as AddressInfo;
    let browser: ChildProcess | undefined;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        answered = resolve;
        browser = spawn(chromium, [...flags, `http://127.0.0.1:${port}/page.html`], { stdio: 'ignore' });
        browser.on('exit', (code) => reject(new Error(`the browser ended with exit code ${code}`)));
      });
    } finally {
      browser?.kill('SIGKILL');
      await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    }
  }

  it.each([
    ['two threads on an isolated page', true, { threads: 2 }, 2],
    ['one thread on any page', false, {}, 1],
    ['no worker', false, { worker: false }, 1],
  ])('computes the same vectors: %s', async (_name, isolated, options, threads) => {
    const answer = await visit({ isolated, options: { backend: 'wasm', ...options } });
    expect(answer.error).toBeUndefined();
    expect(answer.info).toMatchObject({ backend: 'wasm', threads });
    for (const [i, vector] of expected.entries()) {
      expect(cosine(Float32Array.from(answer.vectors[i]), vector)).toBeGreaterThan(0.99999);
    }
  });

  it('says why it cannot have more threads', async () => {
    const answer = await visit({ isolated: false, options: { backend: 'wasm', threads: 2 } });
    expect(answer.error).toContain('2 threads need shared memory');
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}
