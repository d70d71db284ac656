/**
 * @file The view of the speed: what it reads of a server's /metrics, and of the engine in the page.
 */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { EngineCounters, numbersOf, rates } from '../../src/page/speed/numbers.ts';
import { parseMetrics } from '../../src/page/speed/prometheus.ts';
import { describeBrowser } from '../browser.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { minilm, openPage, pagesOfServer, serveFolder, startBrowser, startServer, writePage } from './support.ts';

describe('numbers of the speed', () => {
  it('are read from the text format of Prometheus', () => {
    const text =
      '# HELP a What\n# TYPE a gauge\na 1.5e3\nb{x="1, \\"2\\" }",y="c\\\\d\\ne"} 7 1700000000000\nc{le="+Inf"} -Inf\nnot a sample\n';
    expect(parseMetrics(text)).toEqual([
      { name: 'a', labels: {}, value: 1500 },
      { name: 'b', labels: { x: '1, "2" }', y: 'c\\d\ne' }, value: 7 },
      { name: 'c', labels: { le: '+Inf' }, value: Number.NEGATIVE_INFINITY },
    ]);
  });

  it('are those of one model where a server has several', () => {
    const text = ['a', 'b']
      .flatMap((model, i) => [
        `llamacpp:prompt_tokens_total{model="${model}"} ${10 + i}`,
        `gguf_embed_batch_tokens_bucket{model="${model}",le="8"} ${2 + i}`,
        `gguf_embed_batch_tokens_bucket{model="${model}",le="16"} 5`,
        `gguf_embed_batch_tokens_bucket{model="${model}",le="+Inf"} 6`,
      ])
      .join('\n');
    const { tokens, batches } = numbersOf(text, 'b');
    expect(tokens).toBe(11);
    expect(batches).toEqual({ bounds: [8, 16], counts: [3, 2, 1] });
  });

  it('become rates by the clock and by the time of computing, also after a new start', () => {
    const engine = new EngineCounters();
    const before = { at: 0, numbers: engine.read() };
    engine.add(100, 0.5);
    engine.add(9000, 0.5);
    const after = { at: 2000, numbers: engine.read() };
    expect(rates(before, after)).toEqual({ clock: 4550, computing: 9100 });
    expect(rates(after, { at: 3000, numbers: before.numbers })).toEqual({ clock: 0, computing: 0 });
    expect(after.numbers.batches.counts).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  });
});

/** The number in a row of a table. */
async function cell(page: Page, table: string, row: string): Promise<number> {
  const text = await page
    .getByRole('table', { name: table })
    .getByRole('row', { name: row })
    .getByRole('cell')
    .first()
    .textContent();
  return Number(text?.replace(/[^\d.]/g, ''));
}

describeBrowser('the speed of the server', () => {
  const open = pagesOfServer(['-m', minilm, '--metrics', '--api-key', 'secret']);

  it('is read behind the key, again and again, and shows what the server computes', async () => {
    const { page, problems } = await open('#speed');
    await page.getByLabel('API key').fill('secret');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByRole('button', { name: 'Embed 64 texts' }).click();
    await page.getByText(/64 texts in .*s: [\d.,]+ texts a second/).waitFor();
    await expect.poll(() => cell(page, 'Requests since the start', '/v1/embeddings'), { timeout: 10_000 }).toBe(2);
    const tokens = await cell(page, 'Tokens a second', 'Tokens since the start');
    expect(tokens).toBeGreaterThan(64 * 3);
    expect(await page.getByRole('table', { name: 'Sizes of batches' }).getByRole('row').count()).toBeGreaterThan(1);
    await expect.poll(() => cell(page, 'Queue', 'Texts that wait'), { timeout: 10_000 }).toBe(0);
    await page.getByRole('button', { name: 'Embed 64 texts' }).click();
    await expect
      .poll(() => cell(page, 'Tokens a second', 'Tokens since the start'), { timeout: 10_000 })
      .toBeGreaterThan(1.8 * tokens);
    await page.getByRole('img', { name: /Tokens a second over two minutes: .* now, .* at most/ }).waitFor();
    expect(problems).toEqual([]);
  });

  it('is not asked for while the view is not shown', async () => {
    const { page } = await open('#texts');
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/metrics')) asked++;
    });
    await page.getByLabel('API key').fill('secret');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByText('384 dimensions').waitFor();
    await page.getByRole('tab', { name: 'Speed' }).click();
    await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(1);
    await page.getByRole('tab', { name: 'Texts' }).click();
    const before = asked;
    await page.waitForTimeout(2500);
    expect(asked).toBe(before);
  });
});

describeBrowser('the speed without numbers of a server', () => {
  const folder = temporaryFolder().file('site');

  it('needs --metrics, and says so', async () => {
    const [browser, server] = await Promise.all([startBrowser(), startServer(['-m', minilm])]);
    try {
      const { page } = await openPage(browser, `${server.url}#speed`);
      await page.getByText('This server does not count. Start it with --metrics to see its speed.').waitFor();
    } finally {
      await browser.close();
      await server.stop();
    }
  });

  it('is that of the engine in the page', async () => {
    await writePage(folder);
    const [browser, host] = await Promise.all([startBrowser(), serveFolder(folder, true)]);
    try {
      const { page, problems } = await openPage(browser, `${host.url}#speed`);
      await page.getByText('Choose a model first.').waitFor();
      await page.getByLabel('Choose a file', { exact: true }).setInputFiles(minilm);
      await page.getByText('No batch was computed yet.').waitFor();
      await page.getByRole('button', { name: 'Embed 64 texts' }).click();
      await page.getByText(/64 texts in/).waitFor();
      await expect
        .poll(() => cell(page, 'Tokens a second', 'Tokens since the start'), { timeout: 10_000 })
        .toBeGreaterThan(64 * 3);
      await expect.poll(() => cell(page, 'Queue', 'Texts that wait'), { timeout: 10_000 }).toBe(0);
      expect(await page.getByRole('table', { name: 'Requests since the start' }).count()).toBe(0);
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
      host.server.close();
    }
  });
});
