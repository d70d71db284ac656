/**
 * @file Every view of the page with something to see in it: for the pictures of docs/page.md, and for their test.
 */
import { fileURLToPath } from 'node:url';

const model = fileURLToPath(new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));

/** Texts of three subjects. */
const things = {
  animals: ['cat', 'dog', 'horse', 'rabbit', 'parrot', 'hamster', 'kitten', 'donkey'],
  money: ['bank', 'bond', 'dividend', 'currency', 'share', 'interest rate', 'loan', 'tax'],
  food: ['soup', 'bread', 'pasta', 'salad', 'cheese', 'pancake', 'rice', 'stew'],
};
const sentences = {
  animals: ['The NAME sleeps on the sofa.', 'A hungry NAME waits for its food.'],
  money: ['The NAME fell after the report.', 'Investors discuss the NAME on Monday.'],
  food: ['Season the NAME with pepper.', 'Serve the NAME while it is hot.'],
};
const texts = Object.entries(things).flatMap(([subject, names]) =>
  names.flatMap((name) => sentences[subject].map((sentence) => sentence.replace('NAME', name))),
);

const embedAll = async (page) => {
  await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
  await page.getByText(`${texts.length} texts, 384 dimensions`).waitFor();
};

/**
 * The views by their name in the address: what fills each, and the part of the page to begin with. A view that is not here fails the
 * test of the pictures.
 */
export const pageViews = {
  texts: { fill: embedAll, from: 'h-list', isDark: false },
  map: {
    fill: async (page) => {
      await embedAll(page);
      await page.getByText('UMAP has converged.').waitFor();
    },
    from: 'map-hint',
    isDark: true,
  },
  rerank: {
    fill: async (page) => {
      await page.getByLabel('Texts, one a line').fill(
        texts
          .slice(0, 40)
          .filter((_, i) => i % 5 === 0)
          .join('\n'),
      );
      await page.getByLabel('Query', { exact: true }).fill('what do pets do all day?');
      await page.getByText('8 documents ranked').waitFor();
    },
    from: 'tab-rerank',
    isDark: false,
  },
  dimensions: { fill: embedAll, from: 'tab-dimensions', isDark: true },
  trace: {
    fill: async (page) => {
      await page.getByRole('button', { name: 'Run a model in this page' }).first().click();
      await page.getByLabel('Keep the model in this browser').uncheck();
      await page.getByLabel('Choose a file', { exact: true }).setInputFiles(model);
      await page.getByText(/384 dimensions · wasm/).waitFor();
      await page.getByLabel('Text to trace').fill('The bank of the river.');
      await page.getByText(/^reference: .* tokens · /).waitFor();
    },
    from: 'tab-trace',
    isDark: false,
  },
  speed: {
    fill: async (page) => {
      await page.getByText('No batch was computed yet.').waitFor();
      await page.getByRole('button', { name: 'Embed 64 texts' }).click();
      await page.getByRole('table', { name: 'Sizes of batches' }).waitFor();
      await page.waitForTimeout(3000);
    },
    from: 'tab-speed',
    isDark: false,
  },
  api: { fill: embedAll, from: 'tab-api', isDark: true },
};

/**
 * A picture of a view.
 * @param browser of playwright-core
 * @param url of a server with `--metrics` that has embedded nothing yet
 * @returns the bytes of the PNG, and what went wrong in the page
 */
export async function pictureOf(browser, url, name) {
  const { fill, from, isDark } = pageViews[name];
  const context = await browser.newContext({
    locale: 'en-US',
    viewport: { width: 1000, height: 760 },
    colorScheme: isDark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.setDefaultTimeout(120_000);
  // Views that are filled by their texts show them from the view of texts on.
  await page.goto(`${url}#${name === 'api' ? 'texts' : name}`);
  await page.getByText('384 dimensions · on the server').waitFor();
  await fill(page);
  await page.locator(`#tab-${name}`).click();
  await page.waitForTimeout(1000);
  await page.evaluate((id) => document.getElementById(id)?.scrollIntoView(), from);
  const bytes = await page.screenshot();
  await context.close();
  return { bytes, problems };
}
