/**
 * @file The view Trace: the report of a text, by the engine in the page; with a server, what to do instead.
 */
import { rmSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Embedder, type Trace } from '../../src/index.ts';
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

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const text = 'The bank of the river.';

/** Loads the model into the page. */
async function loadModel(page: Page): Promise<void> {
  await page.getByLabel('Keep the model in this browser').uncheck();
  await page.getByLabel('Choose a file', { exact: true }).setInputFiles(minilm);
  await page.getByText(/384 dimensions · wasm/).waitFor();
}
/** Waits for the report of a text with so many tokens. */
const report = (page: Page, nTokens: number) =>
  page.getByText(new RegExp(`^reference: .* · ${nTokens} tokens · \\d+ tensors · pooling mean$`)).waitFor();

describeBrowser('the trace of a text', () => {
  const { file } = temporaryFolder();
  const folder = file('site');
  let browser: Awaited<ReturnType<typeof startBrowser>>;
  let host: Awaited<ReturnType<typeof serveFolder>>;
  let trace: Trace;
  beforeAll(async () => {
    await writePage(folder);
    [browser, host] = await Promise.all([startBrowser(), serveFolder(folder, true)]);
    const embedder = await Embedder.load(minilm, { backend: 'reference', worker: false });
    trace = await embedder.trace([text]);
    await embedder.dispose();
  });
  afterAll(async () => {
    await browser?.close();
    host?.server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows attention, activations, norms, pooling and the vector, as the library computes them', async () => {
    const { page, problems } = await openPage(browser, `${host.url}#trace?layer=2&head=5&token=2`);
    await page.getByText('Choose a model first.').waitFor();
    await loadModel(page);
    await page.getByLabel('Text to trace').fill(text);
    await report(page, trace.tokens.length);
    const tokens = page.getByRole('listbox', { name: 'Tokens' }).getByRole('option');
    expect(await tokens.allTextContents()).toEqual(trace.tokens.map(({ text }) => text.replaceAll(' ', '␣')));
    // Attention of the head that the link names.
    expect(await page.getByRole('combobox', { name: 'Layer' }).inputValue()).toBe('2');
    const n = trace.tokens.length;
    const shares = trace.steps.find(({ name }) => name === 'kq_soft_max-2')!.values.subarray(5 * n * n + 2 * n);
    const best = Array.from(shares.subarray(0, n)).reduce((most, share, i, all) => (share > all[most] ? i : most), 0);
    const name = (i: number) => trace.tokens[i].text.replaceAll(' ', '␣');
    const looksAt = () => page.getByRole('list', { name: /looks at$/ }).getByRole('listitem');
    const first = (await looksAt().first().textContent()) ?? '';
    expect(first).toContain(`${name(best)} (${best})`);
    expect(Number(first.split(' ').at(-1))).toBeCloseTo(shares[best], 2);
    // The keyboard reads a cell, and chooses its row.
    const map = page.getByRole('application', { name: `head 5: ${n} rows, ${n} columns` });
    await map.focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `“${name(4)}” looks at` }).waitFor();
    expect(await page.locator('#attention-cell').textContent()).toMatch(/\(4\) → .* \(0\): 0\.\d{3}$/);
    await expect.poll(() => page.url()).toContain('token=4');
    // A tensor that the pointer reads.
    await page.getByRole('combobox', { name: 'Tensor', exact: true }).selectOption({ label: 'ffn_inp-1 [384]' });
    const values = trace.steps.find(({ name }) => name === 'ffn_inp-1')!.values;
    await page.getByRole('application', { name: /^ffn_inp-1: / }).focus();
    await page.keyboard.press('ArrowDown');
    const cell = (await page.locator('#activation-cell').textContent()) ?? '';
    expect(cell).toContain(`${name(1)} (1), column 0: `);
    const strongest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // A cell of the picture has the largest value of the two columns that it stands for.
    const two = [values[384], values[385]].sort((a, b) => Math.abs(b) - Math.abs(a));
    expect(Math.abs(Number(cell.split(': ').at(-1)) - two[0])).toBeLessThan(strongest / 100);
    // Norms, pooling, vector.
    const norms = await page
      .getByRole('region', { name: 'Norms along the layers' })
      .getByRole('img')
      .getAttribute('aria-label');
    expect(norms).toMatch(/^ffn_out by layer: (\d+(\.\d+)? ?){6}$/);
    const pooled = await page.getByRole('region', { name: 'Pooling' }).getByRole('listitem').allTextContents();
    const parts = pooled.map((part) => Number(/(-?\d\.\d{3})$/.exec(part)![1]));
    expect(parts).toHaveLength(n);
    expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 1);
    const start = `384 values: ${Number(trace.vector[0].toPrecision(3))}`;
    await page.getByText(start).waitFor();
    expect(problems).toEqual([]);
  });

  it('follows what is typed without holding the page up, and writes it as text', async () => {
    const options = { viewport: { width: 360, height: 640 }, bypassCSP: true };
    const { page, problems } = await openPage(browser, `${host.url}#trace`, options);
    await loadModel(page);
    await page.getByLabel('Text to trace').fill('one');
    await report(page, 3);
    const spent = await watchThread(page);
    await page.getByLabel('Text to trace').focus();
    await page.keyboard.press('End');
    await page.keyboard.type(' two three <b>four</b>');
    await page.getByRole('option', { name: 'four' }).waitFor();
    await page.getByText('Computing the trace …').waitFor({ state: 'detached' });
    expect(await page.locator('main b').count()).toBe(0);
    // On average of the letters and the two reports after them.
    expect(await spent()).toBeLessThan(0.05 * 20);
    // The engine of the page keeps fewer tensors, and no attention.
    await page.getByLabel('Steps').selectOption('those that the engine of the page keeps');
    await page.getByText(/^wasm: .* tensors/).waitFor();
    await page.getByText('This backend does not keep the shares of attention.').waitFor();
    await expect.poll(() => page.url()).toContain('steps=engine');
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    expect(problems).toEqual([]);
  });
});

describeBrowser('the trace with a server', () => {
  const open = pagesOfServer(['-m', minilm]);

  it('says that the server has none, and computes one in the page on request', async () => {
    const { page, problems } = await open('#trace');
    await page.getByText(/^The server computes no traces\. .* gguf-embed trace -m MODEL/).waitFor();
    await page.getByRole('main').getByRole('button', { name: 'Run a model in this page' }).click();
    await loadModel(page);
    await page.getByLabel('Text to trace').fill('one');
    await report(page, 3);
    expect(problems).toEqual([]);
  });
});
