/**
 * @file The view Dimensions, with the server and without one: what cutting and storing vectors does to their neighbours.
 */
import { rmSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, it, vi } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import {
  minilm,
  openPage,
  pagesOfServer,
  serveFolder,
  startBrowser,
  violations,
  watchThread,
  writePage,
} from './support.ts';

vi.setConfig({ testTimeout: 240_000 });

const texts = Array.from({ length: 30 }, (_, i) => {
  const [animal, verb] = [['cat', 'dog', 'horse', 'bird', 'fish'][i % 5], ['eats', 'sleeps', 'runs'][i % 3]];
  return `The ${animal} ${verb} ${['at home', 'outside'][i % 2]}.`;
});

async function vectorsOf(page: Page, more: object): Promise<number[][]> {
  const response = await page.request.post(new URL('/v1/embeddings', page.url()).href, {
    data: { input: texts, ...more },
  });
  const { data } = (await response.json()) as { data: { embedding: number[] }[] };
  return data.map(({ embedding }) => embedding);
}

/** The ten most similar others of each vector by their cosine. */
function nearest(vectors: readonly (readonly number[])[]): number[][] {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const cosine = (a: readonly number[], b: readonly number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  return vectors.map((one, i) =>
    vectors
      .map((other, j) => ({ j, similar: i === j ? -2 : cosine(one, other) }))
      .sort((a, b) => b.similar - a.similar || a.j - b.j)
      .slice(0, 10)
      .map(({ j }) => j),
  );
}
function recall(whole: readonly number[][], cut: readonly number[][]): number {
  const kept = whole.reduce((sum, near, i) => sum + near.filter((j) => cut[i].includes(j)).length, 0);
  return Math.round((1000 * kept) / (10 * whole.length)) / 10;
}

async function openTexts(page: Page): Promise<void> {
  await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
  await page.getByText(`${texts.length} texts, 384 dimensions`).waitFor();
}

describeBrowser('dimensions with the server', () => {
  const open = pagesOfServer(['-m', minilm]);

  it('shows the recall that the vectors of the server have, for each size and encoding', async () => {
    const { page, problems } = await open('#dimensions');
    await openTexts(page);
    await page.getByText('recall@10: 100 %. 1.54 kB for each vector instead of 1.54 kB.').waitFor();
    const slider = page.getByRole('slider');
    await slider.fill('24');
    const whole = nearest(await vectorsOf(page, {}));
    const cut = nearest(await vectorsOf(page, { dimensions: 24 }));
    const shown = page.getByText(/^recall@10: /);
    const result = async () => (await shown.textContent()) ?? '';
    await expect.poll(result).toBe(`recall@10: ${recall(whole, cut)} %. 96 B for each vector instead of 1.54 kB.`);
    expect(recall(whole, cut)).toBeLessThan(100);
    await page.getByLabel('Values as').selectOption('int8');
    const int8 = nearest(await vectorsOf(page, { dimensions: 24, output_dtype: 'int8' }));
    await expect.poll(result).toBe(`recall@10: ${recall(whole, int8)} %. 24 B for each vector instead of 1.54 kB.`);
    await page.getByLabel('Values as').selectOption('binary');
    const bytes = await vectorsOf(page, { dimensions: 24, output_dtype: 'ubinary' });
    const signs = bytes.map((vector) =>
      vector.flatMap((byte) => Array.from({ length: 8 }, (_, i) => ((byte >> (7 - i)) & 1 ? 1 : -1))),
    );
    const binary = nearest(signs);
    await expect.poll(result).toContain(' 3 B for each vector');
    // Of equal distances either may be nearer.
    expect(Math.abs(Number.parseFloat((await result()).slice(11)) - recall(whole, binary))).toBeLessThan(6);
    // The table has the same numbers; its sizes are chosen by a button.
    const row = page.getByRole('row', { name: /^24 / });
    expect(await row.getByRole('cell').first().textContent()).toBe(`${recall(whole, cut)} % 96 B`);
    await page.getByRole('button', { name: '192' }).click();
    expect(await slider.inputValue()).toBe('192');
    await page.getByRole('tab', { name: 'API' }).click();
    const code = await page.getByRole('region', { name: 'curl' }).locator('pre').textContent();
    expect(code).toContain('"dimensions":192,"output_dtype":"binary"');
    expect(problems).toEqual([]);
  });

  it('marks the neighbours that are kept, lost and new, by keyboard, and its link restores it', async () => {
    const { page } = await open('#dimensions?dims=8&row=4', { viewport: { width: 360, height: 640 }, bypassCSP: true });
    await openTexts(page);
    const list = (name: string) => page.getByRole('region', { name }).getByRole('listitem').allTextContents();
    const whole = nearest(await vectorsOf(page, {}));
    const cut = nearest(await vectorsOf(page, { dimensions: 8 }));
    const marks = (near: readonly number[], other: readonly number[], missing: string) =>
      near.map((j) => `${other.includes(j) ? 'kept' : missing} ${texts[j]}`);
    await expect.poll(() => list('Nearest with 8 dimensions, float')).toEqual(marks(cut[4], whole[4], 'new'));
    expect(await list('Nearest with all 384 dimensions, float')).toEqual(marks(whole[4], cut[4], 'lost'));
    await page.getByRole('listbox', { name: 'Texts' }).focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => list('Nearest with 8 dimensions, float')).toEqual(marks(cut[5], whole[5], 'new'));
    await page.getByRole('slider').focus();
    await page.keyboard.press('End');
    await expect
      .poll(() => list('Nearest with 384 dimensions, float'))
      .toEqual(whole[5].map((j) => `kept ${texts[j]}`));
    await expect.poll(() => page.url()).toContain('row=5');
    // Of few texts, the nearest half is compared.
    await page.getByLabel('Texts, one a line').fill(texts.slice(0, 6).join('\n'));
    await page.getByText(/^recall@2: 100 %/).waitFor();
    expect(await list('Nearest with 384 dimensions, float')).toHaveLength(2);
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  });
});

describeBrowser('dimensions without a server', () => {
  const { file } = temporaryFolder();

  it('compares vectors of a file, and takes less than 50 ms of the page for a step of the slider', async () => {
    const folder = file('site');
    await writePage(folder);
    const [browser, host] = await Promise.all([startBrowser(), serveFolder(folder, true)]);
    try {
      const { page, problems } = await openPage(browser, `${host.url}#dimensions`, { locale: 'de-DE' });
      await page.getByText('Wählen Sie zuerst ein Modell.').waitFor();
      let state = 1;
      const random = () => {
        state = (state * 48271) % 2147483647;
        return state / 2147483647 - 0.5;
      };
      const lines = Array.from({ length: 2000 }, (_, i) =>
        JSON.stringify({ text: `text ${i}`, embedding: Array.from({ length: 128 }, random) }),
      );
      const jsonl = { name: 'v.jsonl', mimeType: 'text/plain', buffer: Buffer.from(lines.join('\n')) };
      await page.getByLabel('Datei mit Texten öffnen').setInputFiles(jsonl);
      await page.getByText(/^recall@10: 100 %/).waitFor();
      const spent = await watchThread(page);
      await page.getByRole('slider').focus();
      for (let i = 0; i < 30; i++) await page.keyboard.press('ArrowLeft');
      await page.getByText('Dimensionen: die ersten 98 von 128').waitFor();
      await page.getByText('392 B je Vektor statt 512 B').waitFor();
      // Random vectors have no order that a part of them would keep.
      const shown = (await page.getByText(/^recall@10: /).textContent()) ?? '';
      expect(Number.parseFloat(shown.slice(11).replace(',', '.'))).toBeLessThan(80);
      // On average of the steps.
      expect(await spent()).toBeLessThan(0.05 * 30);
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
      host.server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
