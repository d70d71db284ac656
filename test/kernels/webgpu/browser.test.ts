/**
 * @file The engine with the webgpu backend in a real page: Chromium, headless, on its software Vulkan.
 *
 * The page loads the built package and the bundled model over HTTP, embeds a text and posts the vector back. Skipped, and
 * says so, where there is no Chromium (CHROMIUM names one), no build (`npm run build`) or no model.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readJson } from '../../models/support.ts';
import { cosine, floats } from '../../vectors.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const modelFile = join(root, 'models/all-MiniLM-L6-v2-Q8_0.gguf');
const chromium = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));
const missing = [
  chromium === undefined && 'Chromium',
  !existsSync(join(root, 'dist/index.js')) && 'dist (npm run build)',
  !existsSync(modelFile) && 'the bundled model',
].filter(Boolean);
if (missing.length > 0) {
  const message = `the browser test is skipped: no ${missing.join(', no ')}`;
  if (process.env.GGUF_EMBED_REQUIRE_BROWSER === '1') throw new Error(message);
  console.warn(message);
}

const page = `<!doctype html><meta charset="utf-8"><title>webgpu</title>
<script type="importmap">{ "imports": { "fflate": "/node_modules/fflate/esm/browser.js" } }</script>
<script type="module">
  const answer = (value) => fetch('/answer', { method: 'POST', body: JSON.stringify(value) });
  try {
    const { Embedder } = await import('/dist/index.js');
    const bytes = new Uint8Array(await (await fetch('/model.gguf')).arrayBuffer());
    const vectors = [];
    let description;
    for (const worker of [false, true]) {
      const embedder = await Embedder.load(bytes, { backend: 'webgpu', worker });
      const result = await embedder.embed(['a', 'a'], { normalize: -1 });
      vectors.push(...result.vectors.map((vector) => Array.from(vector)));
      description = embedder.info.backendDescription;
      await embedder.dispose();
    }
    await answer({ vectors, description });
  } catch (error) {
    await answer({ error: String(error?.stack ?? error) });
  }
</script>`;

interface Answer {
  readonly vectors: number[][];
  readonly description: string;
  readonly error?: string;
}

const types: Record<string, string> = { js: 'text/javascript', gguf: 'application/octet-stream' };

describe.skipIf(missing.length > 0)('in Chromium', () => {
  let server: Server | undefined;
  let browser: ChildProcess | undefined;
  const profile = mkdtempSync(join(tmpdir(), 'gguf-embed-chromium-'));
  afterAll(async () => {
    const gone = new Promise((resolve) => (browser === undefined ? resolve(0) : browser.once('exit', resolve)));
    browser?.kill('SIGKILL');
    await gone;
    await new Promise((resolve) => server?.close(resolve));
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 300 });
  });

  it('embeds with the bundled model on the GPU, driven by the page and by a worker', { timeout: 180_000 }, async () => {
    const answered = new Promise<Answer>((resolve) => {
      server = createServer(async (request, response) => {
        const path = new URL(request.url ?? '/', 'http://localhost').pathname;
        if (path === '/answer') {
          resolve(JSON.parse(await bodyOf(request)));
          response.end();
          return;
        }
        const file = path === '/model.gguf' ? modelFile : join(root, path);
        const known =
          path === '/' || ((path.startsWith('/dist/') || path.startsWith('/node_modules/')) && existsSync(file));
        response.setHeader('content-type', types[path.split('.').at(-1) ?? ''] ?? 'text/html');
        response.statusCode = known || path === '/model.gguf' ? 200 : 404;
        response.end(path === '/' ? page : response.statusCode === 200 ? readFileSync(file) : undefined);
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server!.address() as AddressInfo;
    const flags = ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', `--user-data-dir=${profile}`];
    const gpuFlags = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--use-webgpu-adapter=swiftshader'];
    browser = spawn(chromium!, [...flags, ...gpuFlags, `http://127.0.0.1:${port}/`], { stdio: 'ignore' });
    const { vectors, description, error } = await answered;
    expect(error).toBeUndefined();
    expect(description).not.toBe('');
    const { cases } = readJson<{ cases: { text: string; file_f32: string }[] }>('reference/all-MiniLM-L6-v2.json');
    const wanted = floats(cases.find(({ text }) => text === 'a')?.file_f32 ?? '');
    expect(vectors).toHaveLength(4);
    for (const vector of vectors) expect(vector).toEqual(vectors[0]);
    expect(1 - cosine(Float32Array.from(vectors[0]), wanted)).toBeLessThan(1e-5);
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}
