/** @file The built package in a browser: no bundler, no Node, workers over shared memory. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Embedder } from 'gguf-embed';
import { beforeAll, expect, it } from 'vitest';
import { describeBrowser, visit } from '../browser.ts';
import { cosine } from '../vectors.ts';
import { bundled } from './support.ts';

const small = fileURLToPath(new URL('../fixtures/models/bert-mean.gguf', import.meta.url));
const texts = ['a text', 'Zürich, 東京 and Nuuk', 'x '.repeat(200)];

interface Answer {
  error?: string;
  info: { backend: string; threads: number };
  vectors: number[][];
}

/** A page that loads the bundled model from a Blob and posts what it finds. */
const page = (options: object) => `
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
await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });`;

describeBrowser('in a browser', () => {
  let expected: Float32Array[];
  beforeAll(async () => {
    const embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 1 });
    expected = (await embedder.embed(texts)).vectors;
    await embedder.dispose();
  });

  it.each([
    ['two threads on an isolated page', true, { threads: 2 }, 2],
    ['one thread on any page', false, {}, 1],
    ['no worker', false, { worker: false }, 1],
  ])('computes the same vectors: %s', async (_name, isolated, options, threads) => {
    const answer = await visit<Answer>(page({ backend: 'wasm', ...options }), { isolated });
    expect(answer.error).toBeUndefined();
    expect(answer.info).toMatchObject({ backend: 'wasm', threads });
    for (const [i, vector] of expected.entries()) expect(cosine(answer.vectors[i], vector)).toBeGreaterThan(0.99999);
  });

  it('computes the same bits as here with reproducible', async () => {
    const options = { reproducible: true, worker: false };
    const embedder = await Embedder.load(bundled, options);
    const { vectors } = await embedder.embed(texts);
    await embedder.dispose();
    const answer = await visit<Answer>(page(options), { isolated: false });
    expect(answer.error).toBeUndefined();
    expect(answer.vectors).toEqual(vectors.map((vector) => [...vector]));
  });

  it('reads models from URLs by ranges, from answers, and from the file system of the browser', async () => {
    const answer = await visit<{ error?: string; vectors: number[][]; ranges: number }>(`
      const answer = { vectors: [] };
      try {
        const { Embedder } = await import('/dist/index.js');
        const url = new URL('/models/all-MiniLM-L6-v2-Q8_0.gguf', location.href);
        const folder = await navigator.storage.getDirectory();
        const handle = await folder.getFileHandle('model.gguf', { create: true });
        const writable = await handle.createWritable();
        await (await fetch(url)).body.pipeTo(writable);
        for (const source of [url, url.href, await fetch(url), handle]) {
          const embedder = await Embedder.load(source, { backend: 'wasm' });
          answer.vectors.push([...(await embedder.embed(${JSON.stringify(texts[0])})).vectors[0]]);
          await embedder.dispose();
        }
        const entries = performance.getEntriesByType('resource').filter(({ name }) => name === url.href);
        answer.ranges = entries.length;
      } catch (error) {
        answer.error = String(error?.stack ?? error);
      }
      await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });`);
    expect(answer.error).toBeUndefined();
    expect(answer.vectors).toHaveLength(4);
    for (const vector of answer.vectors) expect(cosine(vector, expected[0])).toBeGreaterThan(0.99999);
    expect(answer.ranges).toBeGreaterThan(10);
  });

  it('reads packed models from everything that has bytes', async () => {
    const files = await mkdtemp(join(tmpdir(), 'packed-'));
    await symlink(fileURLToPath(new URL('../../dist', import.meta.url)), join(files, 'dist'));
    await writeFile(join(files, 'model.gguf.gz'), gzipSync(await readFile(small)));
    const embedder = await Embedder.load(small, { backend: 'wasm', threads: 1 });
    const [wanted] = (await embedder.embed(texts[0])).vectors;
    await embedder.dispose();
    const script = `
      const answer = { vectors: [] };
      try {
        const { Embedder } = await import('/dist/index.js');
        const url = new URL('/model.gguf.gz', location.href);
        const folder = await navigator.storage.getDirectory();
        const handle = await folder.getFileHandle('model.gguf.gz', { create: true });
        await (await fetch(url)).body.pipeTo(await handle.createWritable());
        const blob = await (await fetch(url)).blob();
        const bytes = new Uint8Array(await blob.arrayBuffer());
        for (const source of [url, blob, bytes, await fetch(url), handle]) {
          const embedder = await Embedder.load(source, { backend: 'wasm' });
          answer.vectors.push([...(await embedder.embed(${JSON.stringify(texts[0])})).vectors[0]]);
          await embedder.dispose();
        }
      } catch (error) {
        answer.error = String(error?.stack ?? error);
      }
      await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });`;
    const answer = await visit<{ error?: string; vectors: number[][] }>(script, { files: pathToFileURL(`${files}/`) });
    await rm(files, { recursive: true });
    expect(answer.error).toBeUndefined();
    expect(answer.vectors).toHaveLength(5);
    for (const vector of answer.vectors) expect(cosine(vector, wanted)).toBeGreaterThan(0.99999);
  });

  it('says why a file of the browser, an answer or a URL is no model', async () => {
    const answer = await visit<{ errors: string[] }>(`
      const { Embedder } = await import('/dist/index.js');
      const folder = await navigator.storage.getDirectory();
      const handle = await folder.getFileHandle('no-model.gguf', { create: true });
      const writable = await handle.createWritable();
      await writable.write('<!doctype html><title>Sign in</title>'.padEnd(100));
      await writable.close();
      const errors = [];
      const page = new URL('/page.html', location.href);
      for (const source of [handle, await fetch(page), await fetch('/missing.gguf'), page]) {
        errors.push(await Embedder.load(source).then(() => 'none', (error) => error.name + ': ' + error.message));
      }
      await fetch('/answer', { method: 'POST', body: JSON.stringify({ errors }) });`);
    expect(answer.errors).toEqual([
      expect.stringMatching(/^GgufError: .*no-model\.gguf.*web page/),
      expect.stringMatching(/^GgufError: .*page\.html.*web page/),
      expect.stringMatching(/^TypeError: a model cannot be read from an answer with status 404 \(.*missing\.gguf\)$/),
      expect.stringMatching(/page\.html.*web page/),
    ]);
  });

  it('says what to pass instead of a path', async () => {
    const answer = await visit<{ errors: string[] }>(`
      const { Embedder, loadTokenizer } = await import('/dist/index.js');
      const errors = [];
      const failing = (promise) => promise.then(() => 'none', (error) => error.name + ': ' + error.message);
      const packed = URL.createObjectURL(new Blob(['GGUF']));
      for (const source of ['/models/model.gguf', 'file:///model.gguf', packed, 'data:,GGUF']) {
        errors.push(await failing(Embedder.load(source)));
      }
      errors.push(await failing(loadTokenizer('model.gguf')));
      await fetch('/answer', { method: 'POST', body: JSON.stringify({ errors }) });`);
    const remedy = 'this runtime reads no files by path: pass a URL (new URL(';
    expect(answer.errors).toEqual([
      expect.stringContaining(`GgufError: /models/model.gguf: ${remedy}`),
      expect.stringContaining(`GgufError: /model.gguf: ${remedy}`),
      'TypeError: a model cannot be loaded from a blob: URL: download it, or fetch it into a Blob',
      'TypeError: a model cannot be loaded from a data: URL: download it, or fetch it into a Blob',
      expect.stringContaining(`GgufError: model.gguf: ${remedy}`),
    ]);
  });

  it.each([
    ['with WebAssembly', `'wasm-unsafe-eval'`, undefined],
    ['without', '', `add 'wasm-unsafe-eval' to its script-src`],
  ])('a policy %s', async (_name, allowed, problem) => {
    const policy = `default-src 'self'; script-src 'self' 'unsafe-inline' ${allowed}`;
    const answer = await visit<Answer>(page({ backend: 'wasm' }), { isolated: true, policy });
    if (problem === undefined) expect(answer.error).toBeUndefined();
    else expect(answer.error).toContain(problem);
  });

  it('says why it cannot have more threads', async () => {
    const answer = await visit<Answer>(page({ backend: 'wasm', threads: 2 }));
    expect(answer.error).toContain('2 threads need shared memory');
  });
});
