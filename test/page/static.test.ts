/**
 * @file The page without a server: static files, and the engine in the page.
 */
import { rmSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { run } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { minilm, openPage, serveFolder, startBrowser, writePage } from './support.ts';

const { file } = temporaryFolder();
const folder = file('site');

it('is written by the command line, and says what is missing', async () => {
  await writePage(folder);
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  for (const [, path] of html.matchAll(/(?:src|href)="([^":]+)"/g))
    expect((await stat(join(folder, path))).size).toBeGreaterThan(10);
  expect(await readFile(join(folder, '_headers'), 'utf8')).toContain('require-corp');
  expect(await run(['page'])).toMatchObject({ code: 1, stderr: expect.stringContaining('gguf-embed page --out DIR') });
});

it('has at most 250 KB, compressed, before the engine', async () => {
  const files = [
    'index.html',
    ...['page.css', 'main.js', 'umap-worker.js', 'layout-worker.js'].map((name) => `page/${name}`),
  ];
  let size = 0;
  // The loop reaches what is added meanwhile: modules that these import.
  for (const path of files) {
    const text = await readFile(join(folder, path), 'utf8');
    size += gzipSync(text).length;
    for (const [, name] of text.matchAll(/["'`]\.\/((?:chunk|start)-[\w.-]+\.js)["'`]/g)) {
      if (!files.includes(`page/${name}`)) files.push(`page/${name}`);
    }
  }
  expect(files).toContain('page/chunk-viewport.js');
  expect(size).toBeLessThan(250_000);
});

describeBrowser('static files', () => {
  let browser: Browser;
  let host: Awaited<ReturnType<typeof serveFolder>>;

  beforeAll(async () => {
    [browser, host] = await Promise.all([startBrowser(), serveFolder(folder, true)]);
  });
  afterAll(async () => {
    await browser?.close();
    host?.server.close();
    rmSync(folder, { recursive: true });
  });

  it('run a chosen model, keep it, and load it again at the next visit', async () => {
    const { page, problems } = await openPage(browser, host.url);
    await page.getByLabel('Choose a file', { exact: true }).setInputFiles(minilm);
    await page.getByText(/384 dimensions · wasm \(.*threads?.*\)/).waitFor();
    await page.getByLabel('Texts, one a line').fill('A cat sleeps.\nShares fell.\nThe kitten plays.');
    await page.getByText('3 texts, 384 dimensions').waitFor();
    const nearest = page.getByRole('region', { name: 'Nearest to “A cat sleeps.”' }).getByRole('listitem');
    await expect.poll(async () => (await nearest.first().textContent()) ?? '').toMatch(/The kitten plays\.$/);
    await page.reload();
    await page.getByRole('button', { name: 'Load all-MiniLM-L6-v2-Q8_0.gguf' }).click();
    await page.getByText('384 dimensions').waitFor();
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByRole('button', { name: 'Remove all-MiniLM-L6-v2-Q8_0.gguf' }).click();
    await expect.poll(() => page.getByRole('button', { name: 'Load all-MiniLM-L6-v2-Q8_0.gguf' }).count()).toBe(0);
    expect(problems).toEqual([]);
  });

  it('say what to do when the file of a model is gone', async () => {
    const { page, problems } = await openPage(browser, host.url);
    await page.getByLabel('Choose a file', { exact: true }).setInputFiles(minilm);
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByRole('button', { name: 'Load all-MiniLM-L6-v2-Q8_0.gguf' }).click();
    await page.getByText('384 dimensions').waitFor();
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByRole('button', { name: 'Remove all-MiniLM-L6-v2-Q8_0.gguf' }).click();
    await page.getByLabel('Texts, one a line').fill('A cat sleeps.');
    await page.getByText('1 text, 384 dimensions').waitFor();
    await page.getByRole('tab', { name: 'Trace' }).click();
    await page.getByText('all-MiniLM-L6-v2-Q8_0.gguf is no longer there, or has changed. Choose it again.').waitFor();
    expect(problems).toEqual([]);
  });

  it('download a model, and say what to do when that fails', async () => {
    const { page, problems } = await openPage(browser, host.url);
    const address = page.getByLabel('Address of a GGUF file');
    const fetchIt = async (url: string) => {
      await address.fill(url);
      await page.getByRole('button', { name: 'Download' }).click();
    };
    await fetchIt('ftp://somewhere/model.gguf');
    await page.getByText('Give an address that begins with https://, or a name such as hf:user/repo:Q8_0').waitFor();
    await fetchIt(`${host.url}missing.gguf`);
    await page.getByText('missing.gguf cannot be downloaded: HTTP 404').waitFor();
    await fetchIt(`${host.url}cut.gguf`);
    await page.getByText(/cut\.gguf cannot be downloaded: .*Check the address/).waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await fetchIt(`${host.url}index.html`);
    await page.getByText('index.html is not a GGUF file').waitFor();
    expect(asked).toEqual([]);
    await fetchIt(`${host.url}model.gguf`);
    await page.getByText('model.gguf · 384 dimensions').waitFor();
    expect(problems).toEqual([]);
  });

  it('download a model of the hub by its name, with or without a quant', async () => {
    const { page, problems } = await openPage(browser, host.url);
    const asked: string[] = [];
    const commit = '1'.repeat(40);
    const files = ['tiny-Q4_K_M.gguf', 'tiny-Q8_0.gguf'].map((path, i) => ({
      type: 'file',
      path,
      size: 7,
      oid: `${i}`.repeat(40),
    }));
    await page.context().route('https://huggingface.co/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      asked.push(pathname);
      const headers = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
      if (pathname.endsWith('/refs'))
        return route.fulfill({ headers, json: { branches: [{ name: 'main', targetCommit: commit }] } });
      if (pathname.includes('/tree/')) return route.fulfill({ headers, json: files });
      return route.fulfill({ headers, path: minilm });
    });
    for (const [name, file] of [
      ['hf:someone/tiny-GGUF:Q8_0', 'tiny-Q8_0.gguf'],
      ['hf:someone/tiny-GGUF', 'tiny-Q4_K_M.gguf'],
    ]) {
      await page.getByLabel('Address of a GGUF file').fill(name);
      await page.getByRole('button', { name: 'Download' }).click();
      await page.getByText(`${file} · 384 dimensions`).waitFor();
      expect(asked.at(-1)).toBe(`/someone/tiny-GGUF/resolve/${commit}/${file}`);
      await page.getByRole('button', { name: 'Change' }).click();
    }
    await page.getByLabel('Address of a GGUF file').fill('hf:someone/tiny-GGUF:Q5_0');
    await page.getByRole('button', { name: 'Download' }).click();
    await page.getByText(/That did not work: .*Q5_0.*Q4_K_M/).waitFor();
    expect(problems).toEqual([]);
  });

  it('keep a model that two tabs open at once', async () => {
    const { page } = await openPage(browser, host.url);
    const other = await page.context().newPage();
    await other.goto(host.url);
    for (const tab of [page, other]) await tab.getByLabel('Choose a file', { exact: true }).setInputFiles(minilm);
    for (const tab of [page, other]) {
      await tab.getByText('384 dimensions').waitFor();
      await tab.getByRole('button', { name: 'Change' }).click();
      await tab.getByRole('button', { name: 'Load all-MiniLM-L6-v2-Q8_0.gguf' }).waitFor();
      expect(await tab.getByText('no space to keep').count()).toBe(0);
    }
  });

  it('stay open when a file is dropped beside the areas for files', async () => {
    const { page } = await openPage(browser, host.url);
    const isRefused = (selector: string, isFile: boolean) =>
      page.evaluate(
        ([where, hasFile]) => {
          const dataTransfer = new DataTransfer();
          if (hasFile) dataTransfer.items.add(new File(['x'], 'model.gguf'));
          else dataTransfer.setData('text/plain', 'x');
          const event = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
          return !document.querySelector(where)!.dispatchEvent(event);
        },
        [selector, isFile] as const,
      );
    for (const selector of ['h1', 'main', 'textarea']) expect(await isRefused(selector, true), selector).toBe(true);
    expect(await isRefused('textarea', false)).toBe(false);
  });

  it('refuse a file that is no model', async () => {
    const { page } = await openPage(browser, host.url);
    const input = page.getByLabel('Choose a file', { exact: true });
    await input.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') });
    await page.getByText('notes.txt is not a GGUF file').waitFor();
    await input.setInputFiles({
      name: 'broken.gguf',
      mimeType: 'text/plain',
      buffer: Buffer.from('no model at all, honestly'),
    });
    await page.getByText(/That did not work: .*(GGUF|magic)/).waitFor();
  });

  it('work when the folder is opened from the disk, and say what that costs', async () => {
    const { page, problems } = await openPage(browser, `${pathToFileURL(folder).href}/index.html#map?layout=axes`);
    await page.getByText('a web server for this folder avoids both', { exact: false }).waitFor();
    expect(await page.getByLabel('Keep the model in this browser').count()).toBe(0);
    await page.getByLabel('Choose a file', { exact: true }).setInputFiles(minilm);
    await page.getByText(/384 dimensions · wasm \(.*one thread/).waitFor();
    const lines = Array.from({ length: 16 }, (_, i) => `text ${i} about ${i * i}`);
    await page.getByLabel('Texts, one a line').fill(lines.join('\n'));
    await page.getByText('16 texts, 384 dimensions').waitFor();
    await page.getByRole('application', { name: 'Map of 16 texts' }).waitFor();
    await page.getByLabel('Layout').selectOption('umap');
    await page.getByText('UMAP has converged.').waitFor();
    await page.getByText('Export', { exact: true }).click();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'vectors.parquet' }).click();
    expect((await readFile(await (await saved).path())).subarray(0, 4).toString()).toBe('PAR1');
    // The address keeps the settings.
    expect(page.url()).toMatch(/^file:.*#map\?layout=umap/);
    expect(problems).toEqual([]);
  });

  it('compute without shared memory, too', async () => {
    const plain = await serveFolder(folder, false);
    try {
      const { page, problems } = await openPage(browser, plain.url);
      await page.getByLabel('Keep the model in this browser').uncheck();
      await page.getByLabel('Choose a file', { exact: true }).setInputFiles(minilm);
      await page.getByText('384 dimensions').waitFor();
      await page.getByLabel('Texts, one a line').fill('one\ntwo');
      await page.getByText('2 texts, 384 dimensions').waitFor();
      expect(problems).toEqual([]);
    } finally {
      plain.server.close();
    }
  });
});
