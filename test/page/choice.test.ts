/**
 * @file The choice of the model: what was chosen last counts, however long what was chosen before takes, and a browser that stores nothing has a
 * page, too.
 */
import type { Route } from 'playwright-core';
import { expect, it } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { model as fixture } from '../cli/run.ts';
import { minilm, pagesOfServer } from './support.ts';

/** A handler for a route that answers when it is told to. */
function held() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrived = () => {};
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const hold = async (route: Route) => {
    arrived();
    await released;
    // The page may have given it up.
    await route.continue().catch(() => {});
  };
  return { hold, asked, release: () => release() };
}

describeBrowser('a server of two models', () => {
  const open = pagesOfServer(['-m', minilm, '-m', fixture('bert-cls')]);

  it('has the model that was chosen last, not the one that answers last', async () => {
    const { page, problems } = await open();
    const choice = page.getByLabel('Model of the server');
    const [first, second] = await choice.getByRole('option').allTextContents();
    await page.getByText(`${first} · `).waitFor();
    const slow = held();
    await page.route(/info\?model=/, (route) =>
      route.request().url().includes(second) ? slow.hold(route) : route.continue(),
    );
    await choice.selectOption(second);
    await slow.asked;
    await choice.selectOption(first);
    await page.getByText(`${first} · `).waitFor();
    slow.release();
    await page.waitForTimeout(500);
    expect(await page.getByText(`${first} · `).count()).toBe(1);
    expect(await choice.inputValue()).toBe(first);
    expect(new URL(page.url()).hash).toContain(encodeURIComponent(first));
    expect(problems).toEqual([]);
  });

  it('stays with the server when a model in the page was still loading', async () => {
    const { page, problems } = await open();
    await page.getByText(' · on the server').waitFor();
    await page.getByRole('button', { name: 'Run a model in this page' }).click();
    const slow = held();
    await page.route('**/late.gguf', async (route) => {
      await slow.hold({ continue: () => route.fulfill({ path: minilm }) } as Route);
    });
    await page.getByLabel('Address of a GGUF file').fill(`${new URL('late.gguf', page.url()).href}`);
    await page.getByRole('button', { name: 'Download' }).click();
    await slow.asked;
    await page.getByRole('button', { name: 'Use the server' }).click();
    await page.getByText(' · on the server').waitFor();
    slow.release();
    await page.waitForTimeout(1500);
    expect(await page.getByText(' · on the server').count()).toBe(1);
    expect(await page.getByText('late.gguf').count()).toBe(0);
    expect(problems).toEqual([]);
  });
});

describeBrowser('a browser that stores nothing', () => {
  const open = pagesOfServer(['-m', minilm, '--api-key', 'secret']);

  it('uses the key as long as the page is open', async () => {
    const { page, problems } = await open('#none');
    await page.addInitScript(() => {
      Object.defineProperty(window, 'sessionStorage', {
        get() {
          throw new DOMException('Access is denied for this document.', 'SecurityError');
        },
      });
    });
    await page.reload();
    await page.getByLabel('API key').fill('secret');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByText('384 dimensions').waitFor();
    expect(problems).toEqual([]);
  });
});
