/**
 * @file Makes the pictures of docs/reports.md (pages that the command line writes) and of docs/page.md (the views of the web page), as
 * Chromium shows them on a light and a dark screen.
 *
 * `npm run docs:screenshots` builds the package and runs this. CHROMIUM names another Chromium than the one in the path.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { pageViews, pictureOf } from './page-views.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'gguf-embed-screenshots-'));
const model = join(root, 'models/all-MiniLM-L6-v2-Q8_0.gguf');
/** Bytes that a picture may have. */
const LIMIT = 150_000;

/** Texts of four subjects, mixed. */
const texts = [
  'A cat sleeps on the sofa.',
  'The central bank raised interest rates.',
  'Boil the pasta in salted water.',
  'The telescope found a new planet.',
  'The kitten chases a ball of wool.',
  'Shares fell after the report on inflation.',
  'Add garlic and a little olive oil.',
  'A comet passes the sun every 76 years.',
  'Dogs need a long walk every day.',
  'The company paid a dividend to its owners.',
  'Bake the bread until its crust is brown.',
  'Two galaxies collide far away.',
  'The parrot has learned to speak.',
  'The euro gained against the dollar.',
  'Season the soup with pepper and thyme.',
  'Astronauts repaired the space station.',
];

function run(command, args, status = [0]) {
  const end = spawnSync(command, args, { encoding: 'utf8', cwd: folder });
  if (end.error !== undefined || !status.includes(end.status)) {
    throw new Error(`${command} ${args.join(' ')}: ${end.error?.message ?? end.stderr}`);
  }
}

const gguf = (args, status) => run(process.execPath, [join(root, 'dist/cli/main.js'), ...args], status);

/** @param page a file of the folder, with the section that is to be on top */
function screenshot(name, page, dark, height) {
  // In a frame, because a scrolled page leaves the screenshot empty.
  const frame = `<iframe src="${page}" style="border: 0; width: 100vw; height: 100vh"></iframe>`;
  writeFileSync(join(folder, 'frame.html'), `<!doctype html><body style="margin: 0">${frame}`);
  const path = join(root, 'docs/pictures', `${name}.png`);
  run(process.env.CHROMIUM ?? 'chromium', [
    '--headless=new',
    '--no-sandbox',
    '--hide-scrollbars',
    '--disable-gpu',
    `--user-data-dir=${join(folder, 'profile')}`,
    `--blink-settings=preferredColorScheme=${dark ? 0 : 1}`,
    `--window-size=1100,${height}`,
    '--virtual-time-budget=5000',
    `--screenshot=${path}`,
    pathToFileURL(join(folder, 'frame.html')).href,
  ]);
  checkSize(path);
}

function checkSize(path) {
  const { size } = statSync(path);
  if (size > LIMIT) throw new Error(`${path} has ${size} bytes, and may have ${LIMIT}`);
  console.log(`${path}: ${size} bytes`);
}

/** The views of the page of a server. */
async function pageScreenshots() {
  const args = ['serve', '--port', '0', '-m', model, '--metrics'];
  const server = spawn(process.execPath, [join(root, 'dist/cli/main.js'), ...args]);
  const end = once(server, 'exit');
  const found = spawnSync('sh', ['-c', `command -v "${process.env.CHROMIUM ?? 'chromium'}"`], { encoding: 'utf8' });
  const browser = await chromium.launch({ executablePath: found.stdout.trim(), args: ['--no-sandbox'] });
  try {
    let log = '';
    const url = await new Promise((resolve, reject) => {
      for (const stream of [server.stdout, server.stderr]) {
        stream.on('data', (data) => {
          log += data;
          const [address] = /http:\/\/[\d.:]+/.exec(log) ?? [];
          if (address !== undefined) resolve(`${address}/`);
        });
      }
      end.then(() => reject(new Error(log)));
    });
    // The speed first: its numbers begin at 0.
    for (const name of ['speed', ...Object.keys(pageViews).filter((view) => view !== 'speed')]) {
      const { bytes, problems } = await pictureOf(browser, url, name);
      if (problems.length > 0) throw new Error(`${name}: ${problems.join('; ')}`);
      const path = join(root, 'docs/pictures', `page-${name}.png`);
      writeFileSync(path, bytes);
      checkSize(path);
    }
  } finally {
    await browser.close();
    server.kill();
    await end;
  }
}

try {
  mkdirSync(join(root, 'docs/pictures'), { recursive: true });
  writeFileSync(join(folder, 'texts.txt'), texts.join('\n'));
  const text = 'The bank of the river was covered with flowers.';
  await pageScreenshots();
  if (process.argv.includes('--page')) process.exit();
  gguf(['embed', '-m', model, '-f', 'texts.txt', '--html', 'map.html']);
  // Exit code 1: the precision `fast` rounds to 8 bits, so tensors differ.
  gguf(['trace', '-m', model, '-p', text, '--versus', 'wasm:fast', '--html', 'trace.html'], [0, 1]);
  screenshot('trace', 'trace.html', false, 1500);
  screenshot('trace-dark', 'trace.html', true, 1500);
  screenshot('trace-comparison', 'trace.html#h-comparison', false, 560);
  screenshot('texts', 'map.html', false, 1460);
  screenshot('texts-plane', 'map.html#h-plane', true, 740);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
