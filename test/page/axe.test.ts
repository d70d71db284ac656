/**
 * @file What axe-core finds in every view, in both languages, light and dark, on a small and a large screen: nothing.
 */
import { expect, it, vi } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { minilm, pagesOfServer, violations } from './support.ts';

vi.setConfig({ testTimeout: 240_000 });

const screens = [
  { name: 'a phone', width: 360, height: 640, colorScheme: 'light', locale: 'en-US' },
  { name: 'a dark 4K screen', width: 3840, height: 2160, colorScheme: 'dark', locale: 'de-DE' },
] as const;

describeBrowser('every view is accessible', () => {
  const open = pagesOfServer(['-m', minilm, '--metrics']);

  it.each(screens)('on $name', async ({ width, height, colorScheme, locale }) => {
    // The policy of the page refuses scripts that are not its own.
    const options = { viewport: { width, height }, colorScheme, locale, bypassCSP: true };
    const { page, problems } = await open('', options);
    const tabs = page.getByRole('tab');
    await page
      .getByRole('textbox')
      .first()
      .fill(Array.from({ length: 20 }, (_, i) => `text ${i} about ${i * 7}`).join('\n'));
    await page.getByText(/20 (texts|Texte), 384/).waitFor();
    for (let i = 0; i < (await tabs.count()); i++) {
      await tabs.nth(i).click();
      const name = (await tabs.nth(i).textContent()) ?? '';
      const query = page.getByLabel(/^(Query|Anfrage)$/);
      if ((await query.count()) > 0) {
        await query.fill('text 7');
        await page.getByText(/^20 (documents ranked|Dokumente bewertet)$/).waitFor();
      }
      await page.waitForTimeout(700);
      expect(await violations(page), name).toEqual([]);
      // Nothing is wider than the screen.
      expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(width);
    }
    expect(problems).toEqual([]);
  });
});
