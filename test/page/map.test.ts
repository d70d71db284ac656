/**
 * @file The view of the map with the server, and exports: what a person does and reads.
 */
import { readFile } from 'node:fs/promises';
import { parquetReadObjects } from 'hyparquet';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { minilm, pagesOfServer } from './support.ts';

const animals = ['cat', 'dog', 'horse', 'rabbit', 'hamster', 'parrot'];
const money = ['bank', 'share', 'bond', 'dividend', 'currency', 'interest rate'];
const rows = [
  ...animals.flatMap((word) => [`The ${word} sleeps.`, `A hungry ${word} eats.`]).map((text) => [text, 'animals']),
  ...money
    .flatMap((word) => [`The ${word} fell on Monday.`, `Investors discuss the ${word}.`])
    .map((text) => [text, 'money']),
];
const csv = `text,subject,number\n${rows.map(([text, subject], i) => `${text},${subject},${i}`).join('\n')}\n`;
const csvFile = { name: 'subjects.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) };

describeBrowser('the map', () => {
  const open = pagesOfServer(['-m', minilm]);

  async function openMap(hash = '#map', options = {}) {
    const opened = await open(hash, options);
    await opened.page.getByLabel('Open a file with texts').setInputFiles(csvFile);
    await opened.page.getByRole('application', { name: 'Map of 24 texts' }).waitFor();
    return opened;
  }
  const legend = (page: Page) => page.getByRole('list', { name: 'Groups' }).getByRole('button').allTextContents();
  const download = async (page: Page, name: string) => {
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
    expect(file.suggestedFilename()).toBe(name);
    return readFile(await file.path());
  };

  it('shows principal axes at once and UMAP until it has converged', async () => {
    const { page, problems } = await openMap();
    await page.getByText('UMAP has converged.').waitFor();
    await page.getByLabel('Layout').selectOption('axes');
    await page.getByText(/The first two principal axes show \d+ % and \d+ % of the variance\./).waitFor();
    expect(problems).toEqual([]);
  });

  it('colours by clusters and by columns, and selects by a group or a lasso', async () => {
    const { page } = await openMap('#map?layout=axes');
    await expect.poll(async () => (await legend(page)).length).toBeGreaterThan(1);
    await page.getByLabel('Colour by').selectOption('subject');
    await expect.poll(() => legend(page)).toEqual([' animals (12)', ' money (12)']);
    await page.getByLabel('Colour by').selectOption('number');
    await expect.poll(() => legend(page)).toHaveLength(6);
    await page.getByLabel('Colour by').selectOption('subject');
    await page.getByRole('button', { name: 'money (12)' }).click();
    await page.getByRole('heading', { name: 'Selection: 12 texts' }).waitFor();
    expect(await page.getByText('Investors discuss the bond.').count()).toBe(1);
    await page.getByRole('button', { name: 'End the selection' }).click();
    await page.getByRole('button', { name: 'Lasso' }).click();
    const plane = page.getByRole('application', { name: 'Map of 24 texts' });
    const { x, y, width, height } = (await plane.boundingBox())!;
    await page.mouse.move(x + 2, y + 2);
    await page.mouse.down();
    for (const [across, down] of [
      [width - 4, 2],
      [width - 4, height - 4],
      [2, height - 4],
    ])
      await page.mouse.move(x + across, y + down);
    await page.mouse.up();
    await page.getByRole('heading', { name: 'Selection: 24 texts' }).waitFor();
  });

  it('finds texts by a text, and goes from point to point by keyboard', async () => {
    const { page } = await openMap('#map?layout=axes');
    await page.getByLabel('Search by a text').fill('my pet kitten');
    await page.keyboard.press('Enter');
    const found = page.getByRole('region', { name: 'Nearest to “my pet kitten”' }).getByRole('button');
    await expect.poll(async () => (await found.first().textContent()) ?? '').toContain('cat');
    await page.getByRole('application', { name: 'Map of 24 texts' }).focus();
    await page.keyboard.press('ArrowRight');
    const chosen = page.locator('#map-text');
    const first = await chosen.textContent();
    expect(rows.map(([text]) => text)).toContain(first);
    for (const key of ['ArrowRight', 'ArrowLeft', 'ArrowUp', 'ArrowDown', '+', '-', '0'])
      await page.keyboard.press(key);
    await page.getByRole('heading', { name: `Nearest to “${await chosen.textContent()}”` }).waitFor();
  });

  it('exports vectors and pictures, and opens the vectors again without a model', async () => {
    const { page, problems } = await openMap('#map?layout=axes');
    await page.getByText('Export', { exact: true }).click();
    const npy = await download(page, 'vectors.npy');
    expect(npy.subarray(1, 8).toString('latin1')).toBe('NUMPY\x01\x00');
    expect(npy.toString('latin1')).toContain("'shape': (24, 384)");
    const start = 10 + npy.readUInt16LE(8);
    expect([start % 64, npy.length]).toEqual([0, start + 24 * 384 * 4]);
    const jsonl = await download(page, 'vectors.jsonl');
    const lines = jsonl
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[13]).toMatchObject({ text: rows[13][0], subject: 'money', number: '13' });
    expect(lines[13].embedding[7]).toBe(npy.readFloatLE(start + 4 * (13 * 384 + 7)));
    const tsv = (await download(page, 'vectors.tsv')).toString().trim().split('\n');
    expect([tsv.length, tsv[0].split('\t').length]).toEqual([24, 384]);
    expect((await download(page, 'metadata.tsv')).toString()).toMatch(
      /^text\tsubject\tnumber\nThe cat sleeps\.\tanimals\t0\n/,
    );
    const parquet = await download(page, 'vectors.parquet');
    const records = await parquetReadObjects({
      file: parquet.buffer.slice(parquet.byteOffset, parquet.byteOffset + parquet.length) as ArrayBuffer,
    });
    expect(records).toEqual(lines);
    const svg = (await download(page, 'map.svg')).toString();
    expect(svg.match(/<circle /g)).toHaveLength(24);
    expect((await download(page, 'map.png')).subarray(1, 4).toString()).toBe('PNG');
    await page
      .getByLabel('Open a file with texts')
      .setInputFiles({ name: 'again.jsonl', mimeType: 'text/plain', buffer: jsonl });
    await page.getByText('24 texts from again.jsonl').waitFor();
    await page.getByRole('application', { name: 'Map of 24 texts' }).waitFor();
    await page.getByLabel('Colour by').selectOption('subject');
    await expect.poll(() => legend(page)).toEqual([' animals (12)', ' money (12)']);
    expect(problems).toEqual([]);
  });

  it('is restored by a link, which has no texts in it', async () => {
    const { page } = await openMap('#map', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByLabel('Layout').selectOption('axes');
    await page.getByLabel('Colour by').selectOption('subject');
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(() => page.url()).toContain('at=');
    await page.getByRole('button', { name: 'Copy a link to this view' }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).not.toMatch(/cat|bond/);
    const { page: other } = await openMap(new URL(link).hash);
    expect(await other.getByLabel('Layout').inputValue()).toBe('axes');
    expect(await other.getByLabel('Colour by').inputValue()).toBe('subject');
  });
});
