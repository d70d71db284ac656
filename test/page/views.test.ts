/**
 * @file The pictures of docs/page.md: every view has one, and it can be made again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { pageViews, pictureOf } from '../../scripts/page-views.mjs';
import { describeBrowser } from '../browser.ts';
import { minilm, openPage, startBrowser, startServer } from './support.ts';

vi.setConfig({ testTimeout: 240_000 });

/** Width and height of a PNG. */
const sizeOf = (png: Buffer) => [png.readUInt32BE(16), png.readUInt32BE(20)];

it('docs/pictures has a picture of every view in the table', () => {
  const committed = readdirSync('docs/pictures').filter((name) => name.startsWith('page-'));
  expect(committed.sort()).toEqual(
    Object.keys(pageViews)
      .map((name) => `page-${name}.png`)
      .sort(),
  );
});

describeBrowser('the pictures of the page', () => {
  it('show every view, as npm run docs:screenshots makes them', async () => {
    const [browser, server] = await Promise.all([startBrowser(), startServer(['-m', minilm, '--metrics'])]);
    try {
      const { page } = await openPage(browser, server.url);
      const tabs = await page.getByRole('tab').evaluateAll((all) => all.map(({ id }) => id.replace('tab-', '')));
      expect(Object.keys(pageViews).sort()).toEqual(tabs.sort());
      // The speed first: it shows that nothing was computed yet.
      for (const name of ['speed', ...tabs.filter((tab) => tab !== 'speed')]) {
        const { bytes, problems } = await pictureOf(browser, server.url, name);
        expect(problems, name).toEqual([]);
        expect(sizeOf(bytes), name).toEqual(sizeOf(readFileSync(`docs/pictures/page-${name}.png`)));
        // A page without a view has a tenth of this.
        expect(bytes.length, name).toBeGreaterThan(15_000);
      }
    } finally {
      await browser.close();
      await server.stop();
    }
  });
});
