/** @file The drawn pictures of the documentation show what the code does: drawing them again gives the same bytes. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pictures } from '../../scripts/pictures/index.mjs';

const pages = readdirSync('docs')
  .filter((name) => name.endsWith('.md'))
  .map((name) => readFileSync(`docs/${name}`, 'utf8'));

it('docs/pictures has what `npm run docs:pictures` draws', async () => {
  const drawn = await pictures();
  const committed = readdirSync('docs/pictures').filter((name) => name.endsWith('.svg'));
  expect(committed.sort()).toEqual(Object.keys(drawn).sort());
  for (const [name, text] of Object.entries(drawn)) {
    expect(readFileSync(`docs/pictures/${name}`, 'utf8') === text, `${name} differs: npm run docs:pictures`).toBe(true);
    expect(text, name).not.toMatch(/<script|\bhref|NaN|undefined|Infinity/);
  }
}, 120_000);

it('every picture is shown on a page, and says what it shows', () => {
  for (const name of readdirSync('docs/pictures')) {
    const shown = pages.flatMap((page) => [...page.matchAll(/!\[([^\]]*)\]\(pictures\/([^)]+)\)/g)]);
    const texts = shown.filter(([, , path]) => path === name).map(([, text]) => text);
    expect(texts.length, name).toBeGreaterThan(0);
    for (const text of texts) expect(text.length, name).toBeGreaterThan(20);
  }
});
