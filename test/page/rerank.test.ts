/**
 * @file The view Rerank: with a reranker and an embedding model of the server, and without a server.
 */
import { rmSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { model, run } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { minilm, openPage, pagesOfServer, serveFolder, startBrowser, violations, writePage } from './support.ts';

vi.setConfig({ testTimeout: 240_000 });

const documents = ['A cat sleeps.', 'Interest rates rise.', 'The kitten plays.', 'Shares fell.'];
const query = 'what do kittens do?';

const rows = (page: Page) => page.getByRole('region', { name: 'Documents, best first' }).getByRole('listitem');
/** The documents from top to bottom. */
const order = async (page: Page) =>
  (await rows(page).allTextContents()).map((row) => documents.find((text) => row.startsWith(text)));
/** The places in the rows, by document. */
async function places(page: Page, by: string): Promise<number[]> {
  const found = await rows(page).allTextContents();
  return documents.map((text) => {
    const row = found.find((one) => one.startsWith(text)) ?? '';
    return Number(new RegExp(`${by}: [−-]?\\d+\\.\\d{3}, place (\\d)`).exec(row)?.[1]);
  });
}
const sorted = (of: readonly number[]) => of.map((place, i) => ({ place, i })).sort((a, b) => a.place - b.place);

async function ask(page: Page): Promise<void> {
  await page.getByLabel('Texts, one a line').fill(documents.join('\n'));
  await page.getByLabel('Query', { exact: true }).fill(query);
  await page.getByText('4 documents ranked').waitFor();
}

describeBrowser('a server with a reranker and an embedding model', () => {
  const open = pagesOfServer(['-m', minilm, '-m', model('bert-rank')]);

  it('compares the order of the reranker with that of the vectors, by pointer and by keyboard', async () => {
    const { page, problems } = await open('#rerank');
    await page.getByText(/has no rank head, .* To compare, add a reranker/).waitFor();
    await ask(page);
    // Without a reranker, vectors make the order.
    await expect.poll(async () => (await order(page))[0]).toBe('The kitten plays.');
    expect(await page.getByRole('slider').count()).toBe(0);
    await page.getByText('4 texts, 384 dimensions').waitFor();
    expect(await page.getByText(/^Embedding: /).count()).toBe(0);
    await page.getByLabel('Second model').selectOption('bert-rank');
    const slider = page.getByRole('slider', { name: 'Order: from vectors to reranker' });
    await slider.waitFor();
    const [byRanker, byVectors] = [await places(page, 'Reranker'), await places(page, 'Vectors')];
    const response = await page.request.post(new URL('/v1/rerank', page.url()).href, {
      data: { model: 'bert-rank', query, documents },
    });
    const { results } = (await response.json()) as { results: { index: number }[] };
    expect(sorted(byRanker).map(({ i }) => i)).toEqual(results.map(({ index }) => index));
    expect(await order(page)).toEqual(results.map(({ index }) => documents[index]));
    // The keyboard goes to the order of the vectors, and the link remembers it.
    await slider.focus();
    await page.keyboard.press('Home');
    await expect.poll(() => order(page)).toEqual(sorted(byVectors).map(({ i }) => documents[i]));
    await expect.poll(() => page.url()).toContain('mix=0');
    // Dragging goes back.
    const { x, y, width, height } = (await slider.boundingBox())!;
    await page.mouse.move(x + 8, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width - 2, y + height / 2, { steps: 8 });
    await page.mouse.up();
    await expect.poll(() => order(page)).toEqual(results.map(({ index }) => documents[index]));
    let tau = 0;
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < i; j++) tau += Math.sign((byRanker[i] - byRanker[j]) * (byVectors[i] - byVectors[j])) / 6;
    await page.getByText(`Kendall’s τ of the two orders: ${tau.toFixed(3)}`).waitFor();
    await page.getByRole('tab', { name: 'API' }).click();
    expect(await page.getByRole('region', { name: 'curl' }).locator('pre').textContent()).toContain('/v1/rerank');
    expect(await page.getByRole('region', { name: 'TypeScript' }).locator('pre').textContent()).toContain(
      'reranker.rank("what do kittens do?"',
    );
    expect(problems).toEqual([]);
  });

  it('is restored by its link, and accessible on a phone', async () => {
    const options = { viewport: { width: 360, height: 640 }, bypassCSP: true };
    const { page } = await open('#rerank?second=bert-rank&mix=30', options);
    await ask(page);
    const slider = page.getByRole('slider');
    await slider.waitFor();
    expect(await slider.inputValue()).toBe('30');
    expect(await slider.getAttribute('aria-valuetext')).toBe('30 % reranker');
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  });
});

describeBrowser('without a server', () => {
  const { file } = temporaryFolder();
  const folder = file('site');
  let browser: Awaited<ReturnType<typeof startBrowser>>;
  let host: Awaited<ReturnType<typeof serveFolder>>;
  beforeAll(async () => {
    await writePage(folder);
    [browser, host] = await Promise.all([startBrowser(), serveFolder(folder, true)]);
  });
  afterAll(async () => {
    await browser?.close();
    host?.server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('ranks with a file as the command line does, and compares with a second file', async () => {
    const { page, problems } = await openPage(browser, `${host.url}#rerank`);
    await page.getByText('Choose a model first.').waitFor();
    await page.getByLabel('Keep the model in this browser').uncheck();
    await page.getByLabel('Choose a file', { exact: true }).setInputFiles(model('bert-rank'));
    await page.getByText('bert-rank.gguf · reranker').waitFor();
    await page.getByText(/scores each document with the query/).waitFor();
    await ask(page);
    const { stdout } = await run(['rerank', '-m', model('bert-rank'), '-q', query, '--json', ...documents]);
    const results = JSON.parse(stdout) as { index: number }[];
    await expect.poll(() => order(page)).toEqual(results.map(({ index }) => documents[index]));
    const second = page.getByLabel('Choose a second GGUF file');
    await second.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') });
    await page.getByText('notes.txt is not a GGUF file').waitFor();
    await second.setInputFiles(minilm);
    await page.getByRole('slider').waitFor();
    const byVectors = sorted(await places(page, 'Vectors'));
    expect(documents[byVectors[0].i]).toBe('The kitten plays.');
    // The other views say which model they need.
    await page.getByRole('tab', { name: 'Texts' }).click();
    await page.getByText('This model only ranks. Choose an embedding model for this view.').waitFor();
    expect(problems).toEqual([]);
  });
});
