// Budgets of the web page in Chromium: bytes and time until something is to be seen and until the first vector, the longest task of the
// main thread while the engine works and while a hundred thousand points are opened and moved, and the frames of that. Tasks are measured by
// the time of the CPU, which other programs on the machine do not lengthen.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../at-exit.mjs';
import { readOptions } from '../options.mjs';
import { median, quantile } from '../turns.mjs';
import { hostPage, startChromium } from './host.mjs';

const help = `npm run bench:page-budget -- [options]
  --runs N        the middle of so many counts (default 3)
  --points N      of the map (default 100000)
  --dimensions N  of each (default 32)
  --texts N       that are embedded (default 500)
CHROMIUM names another Chromium than that in the path.`;
const { values: args } = readOptions(help, {
  options: {
    runs: { type: 'string', default: '3', kind: 'count' },
    points: { type: 'string', default: '100000', kind: 'count' },
    dimensions: { type: 'string', default: '32', kind: 'count' },
    texts: { type: 'string', default: '500', kind: 'count' },
  },
});
const model = 'models/all-MiniLM-L6-v2-Q8_0.gguf';
const folder = temporaryFolder();
const browser = await startChromium();
const host = await hostPage(join(folder, 'site'));

/** Opens the page. */
async function open(hash = '') {
  const page = await (await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(300_000);
  const bytes = [];
  page.on('response', async (response) => {
    const body = await response.body().catch(() => undefined);
    if (body !== undefined && response.url().startsWith(host.url)) bytes.push(gzipSync(body).length);
  });
  await page.goto(host.url + hash);
  await page.getByRole('tablist').waitFor();
  return { page, loaded: () => bytes.reduce((sum, one) => sum + one, 0) };
}

/** The longest task of the page's main thread during some work, in milliseconds of the CPU. */
async function longestTask(page, work) {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const tasks = traceEvents.filter(
    ({ name, pid, tid, tdur }) =>
      tdur !== undefined && name.endsWith('RunTask') && mains.some((main) => main.pid === pid && main.tid === tid),
  );
  return Math.max(0, ...tasks.map(({ tdur }) => tdur)) / 1000;
}

const textsPath = join(folder, 'texts.txt');
writeFileSync(
  textsPath,
  Array.from({ length: args.texts }, (_, i) => `Text ${i} is about the number ${i * i}.\n`).join(''),
);

async function firstVector() {
  const { page, loaded } = await open();
  await page.waitForLoadState('networkidle');
  const before = loaded();
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
  );
  await page.getByLabel('Texts, one a line').fill('A cat sleeps on the sofa.');
  let vector = 0;
  const loading = await longestTask(page, async () => {
    const start = performance.now();
    await page.getByLabel('Choose a file', { exact: true }).setInputFiles(model);
    await page.getByText('1 text, 384 dimensions').waitFor();
    vector = performance.now() - start;
  });
  const after = loaded();
  const embedding = await longestTask(page, async () => {
    await page.getByLabel('Open a file with texts').setInputFiles(textsPath);
    await page.getByText(`${args.texts} texts, 384 dimensions`).waitFor();
  });
  await page.context().close();
  return { before, after, paint, vector, loading, embedding };
}

/** A file of texts with vectors in 20 clusters. */
function writePoints() {
  let state = 1;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  };
  const d = args.dimensions;
  const centres = Array.from({ length: 20 }, () => Array.from({ length: d }, random));
  const lines = Array.from({ length: args.points }, (_, i) => {
    const embedding = centres[i % 20].map((value) => Number((value + 0.5 * random()).toFixed(4)));
    return JSON.stringify({
      text: `text ${i} of subject${i % 20}`,
      subject: `subject ${i % 20}`,
      number: i,
      embedding,
    });
  });
  const path = join(folder, 'points.jsonl');
  writeFileSync(path, lines.join('\n'));
  return path;
}

async function manyPoints(path) {
  const { page } = await open('#map');
  const plane = page.getByRole('application', { name: /Map of / });
  let opened = 0;
  const opening = await longestTask(page, async () => {
    const start = performance.now();
    await page.getByLabel('Open a file with texts').setInputFiles(path);
    await plane.waitFor();
    await page.getByRole('list', { name: 'Groups' }).getByRole('button').first().waitFor();
    opened = performance.now() - start;
  });
  const colouring = await longestTask(page, async () => {
    await page.getByLabel('Colour by').selectOption('number');
    await page.waitForTimeout(1500);
  });
  const { x, y, width, height } = await plane.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.evaluate(() => {
    globalThis.frames = [];
    const note = (time) => {
      globalThis.frames.push(time);
      if (globalThis.frames.length < 1e4) requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
  });
  let moves = 0;
  const panning = await longestTask(page, async () => {
    const began = performance.now();
    for (; performance.now() - began < 3000; moves++) {
      await page.mouse.move(x + width / 2 + 100 * Math.sin(moves / 9), y + height / 2 + 60 * Math.cos(moves / 9));
    }
  });
  const frames = await page.evaluate(() => globalThis.frames);
  await page.mouse.up();
  const gaps = frames.slice(1).map((time, i) => time - frames[i]);
  await page.getByRole('button', { name: 'Lasso' }).click();
  const corners = [
    [width - 20, 20],
    [width - 20, height - 20],
    [20, height - 20],
  ];
  const selecting = await longestTask(page, async () => {
    await page.mouse.move(x + 20, y + 20);
    await page.mouse.down();
    for (const [across, down] of corners) await page.mouse.move(x + across, y + down, { steps: 10 });
    await page.mouse.up();
    await page.getByRole('heading', { name: /^Selection: / }).waitFor();
  });
  await page.context().close();
  const frame = (1000 * gaps.length) / (frames.at(-1) - frames[0]);
  return {
    opened,
    opening,
    colouring,
    frame,
    gap: quantile(
      gaps.toSorted((a, b) => a - b),
      0.95,
    ),
    panning,
    selecting,
  };
}

async function rounds(work) {
  const found = [];
  for (let run = 0; run < args.runs; run++) found.push(await work());
  return (key) => median(found.map((one) => one[key]));
}

try {
  const path = writePoints();
  const small = await rounds(firstVector);
  const large = await rounds(() => manyPoints(path));
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
  const ms = (value) => `${Math.round(value)} ms`;
  const rows = [
    ['bytes until the page is ready, gzip', kb(small('before')), '250 KB'],
    ['bytes with the engine, gzip', kb(small('after')), ''],
    ['first contentful paint', ms(small('paint')), ''],
    ['from the chosen model to the first vector', ms(small('vector')), ''],
    ['longest task while a model is loaded', ms(small('loading')), '50 ms'],
    [`longest task while ${args.texts} texts are embedded`, ms(small('embedding')), '50 ms'],
    [`${args.points} points of ${args.dimensions} dimensions: file to map`, ms(large('opened')), ''],
    ['longest task meanwhile', ms(large('opening')), ''],
    ['longest task while a column gives the colours', ms(large('colouring')), ''],
    ['frames a second while the map is dragged', large('frame').toFixed(0), ''],
    ['time between two frames, 95 of 100', ms(large('gap')), ''],
    ['longest task meanwhile', ms(large('panning')), ''],
    ['longest task of a lasso around all', ms(large('selecting')), ''],
  ];
  console.log(
    `Chromium ${browser.version()} without a GPU, ${cpus().length} CPUs (${cpus()[0].model}), median of ${args.runs}`,
  );
  console.log('\n| | measured | limit |\n| --- | ---: | ---: |');
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
} finally {
  await browser.close();
  host.close();
}
