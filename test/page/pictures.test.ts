/**
 * @file Pictures beside texts, with a server and without one: in the list, the heat map, the neighbours and on the map.
 */
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, it, vi } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { minilm, openPage, pagesOfServer, serveFolder, startBrowser, violations, writePage } from './support.ts';

vi.setConfig({ testTimeout: 240_000 });

const fixtures = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
const model = `${fixtures}models/qwen3vl.gguf`;
const tower = `${fixtures}models/mmproj-qwen3vl.gguf`;
const texts = ['a red square', 'a photograph', 'interest rates'];
const photos = [`${fixtures}images/rgb.png`, `${fixtures}images/baseline.jpg`];

/** A picture of one colour, drawn in the page. */
async function square(page: Page, colour: string) {
  const base64 = await page.evaluate(async (colour) => {
    const canvas = new OffscreenCanvas(64, 64);
    const context = canvas.getContext('2d')!;
    context.fillStyle = colour;
    context.fillRect(0, 0, 64, 64);
    const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
  }, colour);
  return { name: 'square.png', mimeType: 'image/png', buffer: Buffer.from(base64, 'base64') };
}

/** The names in the list of nearest texts of the chosen row. */
const nearest = async (page: Page, of: string) => {
  const items = await page
    .getByRole('region', { name: `Nearest to “${of}”` })
    .getByRole('listitem')
    .allTextContents();
  return items.map((item) => item.replace(/^\S+\s+/, ''));
};

/** The rows by their cosine with one of them, computed from vectors of the server. */
function byCosine(names: readonly string[], vectors: readonly (readonly number[])[], of: number): string[] {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  return names
    .map((name, i) => ({ name, i, similar: dot(vectors[i], vectors[of]) }))
    .filter(({ i }) => i !== of)
    .sort((a, b) => b.similar - a.similar)
    .map(({ name }) => name);
}

describeBrowser('a server with a vision tower', () => {
  const open = pagesOfServer(['-m', model, '--mmproj', tower]);

  it('shows pictures among the texts, with the vectors that the server has for them', async () => {
    const { page, problems } = await open('', { bypassCSP: true });
    await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
    await page.getByLabel('Choose pictures').setInputFiles(photos);
    await page.getByText('Texts: 3, pictures: 2, 64 dimensions').waitFor();
    const names = [...texts, 'rgb.png', 'baseline.jpg'];
    const options = page.getByRole('option');
    await expect.poll(() => options.allTextContents()).toEqual(names);
    expect(await options.getByRole('presentation').count()).toBe(2);
    const input = [
      ...texts,
      ...photos.map((path) => [
        { type: 'image_url', image_url: { url: `data:image/png;base64,${readFileSync(path).toString('base64')}` } },
      ]),
    ];
    const response = await page.request.post(new URL('/v1/embeddings', page.url()).href, { data: { input } });
    const { data } = (await response.json()) as { data: { embedding: number[] }[] };
    const vectors = data.map(({ embedding }) => embedding);
    // The keyboard chooses the first picture.
    await page.getByRole('listbox', { name: 'Texts' }).focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
    await expect.poll(() => nearest(page, 'rgb.png')).toEqual(byCosine(names, vectors, 3));
    // It is shown in place of tokens, and is really decoded.
    expect(await page.getByRole('region', { name: 'Tokens of the chosen text' }).count()).toBe(0);
    const widths = await page.evaluate(() => Array.from(document.images, ({ naturalWidth }) => naturalWidth));
    expect(widths.length).toBeGreaterThan(3);
    expect(widths.every((width) => width > 0)).toBe(true);
    await page.getByRole('application', { name: 'Similarities of 5 texts' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('tab', { name: 'API' }).click();
    const code = async (name: string) => (await page.getByRole('region', { name }).locator('pre').textContent()) ?? '';
    expect(await code('curl')).toContain('"image_url":{"url":"data:image/png;base64,BASE64 OF rgb.png"}');
    expect(await code('TypeScript')).toContain('"image": "rgb.png"');
    expect(problems).toEqual([]);
  });

  it('draws pictures on the map, and forgets them on request', async () => {
    const { page, problems } = await open('#map?layout=axes', { viewport: { width: 360, height: 640 } });
    await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
    await page.getByLabel('Choose pictures').setInputFiles([await square(page, '#ff0000')]);
    const plane = page.getByRole('application', { name: /^Map of / });
    await plane.waitFor();
    const red = () =>
      plane
        .locator('canvas')
        .last()
        .evaluate((canvas: HTMLCanvasElement) => {
          const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) if (data[i] > 250 && data[i + 1] < 5 && data[i + 3] > 250) count++;
          return count;
        });
    await expect.poll(red).toBeGreaterThan(1000);
    await page.getByRole('button', { name: 'Remove the pictures' }).click();
    await page.getByText('3 texts, 64 dimensions').waitFor();
    await expect.poll(red).toBe(0);
    expect(problems).toEqual([]);
  });

  it('says which files are pictures', async () => {
    const { page } = await open();
    const input = page.getByLabel('Choose pictures');
    await input.setInputFiles({ name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
    await page.getByText('broken.png is not a picture that this page can read. Choose a PNG').waitFor();
    await input.setInputFiles({ name: '<b>.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') });
    await page.getByText('<b>.svg is not a picture that this page can read.').waitFor();
  });
});

describeBrowser('pictures without a server', () => {
  const { file } = temporaryFolder();

  it('need the vision tower of the model, which is kept with it', async () => {
    const folder = file('site');
    await writePage(folder);
    const [browser, host] = await Promise.all([startBrowser(), serveFolder(folder, true)]);
    try {
      const { page, problems } = await openPage(browser, host.url);
      const choose = page.getByLabel('Choose a file', { exact: true });
      await choose.setInputFiles(model);
      await page.getByText('qwen3vl.gguf · 64 dimensions').waitFor();
      await page.getByText('Pictures', { exact: true }).click();
      await page.getByText('qwen3vl.gguf embeds texts only. If there is a vision tower for it').waitFor();
      await page.getByLabel('Choose a vision tower').setInputFiles(minilm);
      await page.getByText(/^That did not work: /).waitFor();
      await page.getByLabel('Choose a vision tower').setInputFiles(tower);
      // The first picture takes longer than the second.
      await page.evaluate(() => {
        let delay = 300;
        window.createImageBitmap = new Proxy(window.createImageBitmap, {
          async apply(decode, _, args) {
            const wait = delay;
            delay = 0;
            await new Promise((resolve) => setTimeout(resolve, wait));
            return Reflect.apply(decode, window, args);
          },
        });
      });
      await page.getByLabel('Choose pictures').setInputFiles(photos);
      await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
      await page.getByText('Texts: 3, pictures: 2, 64 dimensions').waitFor();
      expect(await page.getByRole('option').allTextContents()).toEqual([...texts, 'rgb.png', 'baseline.jpg']);
      await expect.poll(async () => (await nearest(page, texts[0])).length).toBe(4);
      await page.reload();
      await page.getByRole('button', { name: 'Load qwen3vl.gguf' }).click();
      await page.getByLabel('Choose pictures').setInputFiles(photos[0]);
      await page.getByText('Texts: 0, pictures: 1, 64 dimensions').waitFor();
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
      host.server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
