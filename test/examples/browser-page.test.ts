/**
 * @file The example of a page in a browser, in Chromium: a model is chosen and sentences are searched.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeBrowser, visit } from '../browser.ts';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** Opens the example in a frame, and does what a user does. */
const script = `
const frame = document.createElement('iframe');
frame.src = '/';
document.body.append(frame);
await new Promise((resolve) => frame.addEventListener('load', resolve));
const page = frame.contentDocument;
const until = async (isTrue) => { while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 50)); };
const status = page.getElementById('status');
const before = status.textContent;
const choose = (blob) => {
  const files = new DataTransfer();
  files.items.add(new File([blob], 'model.gguf'));
  const input = page.getElementById('model');
  input.files = files.files;
  input.dispatchEvent(new Event('change'));
};
choose('no model');
await until(() => ![before, 'Loading …'].includes(status.textContent));
const refused = status.textContent;
choose(await (await fetch('/model')).blob());
await until(() => !page.getElementById('search').disabled);
page.getElementById('search').click();
await until(() => page.querySelectorAll('li').length > 0);
const found = Array.from(page.querySelectorAll('li'), ({ textContent }) => textContent);
await fetch('/answer', { method: 'POST', body: JSON.stringify({ refused, status: status.textContent, found }) });`;

describeBrowser('the page', () => {
  let url: string;
  const server = spawn(process.execPath, [path('examples/browser-page/browser-page.mjs'), '0']);
  beforeAll(async () => {
    url = await new Promise<string>((resolve, reject) => {
      server.stdout.on('data', (data) => resolve(String(data).trim().split(' ').at(-1) as string));
      server.on('close', () => reject(new Error('the example ended')));
    });
  });
  afterAll(() => server.kill('SIGKILL'));

  it('refuses what is no model, and finds the sentence that answers', async () => {
    const files = { '/model': path('models/all-MiniLM-L6-v2-Q8_0.gguf') };
    const answer = await visit<{ refused: string; status: string; found: string[] }>(script, {
      proxy: url,
      own: files,
    });
    expect(answer.refused).toMatch(/GGUF/);
    expect(answer.status).toMatch(/: 384 dimensions, computed by /);
    expect(answer.found[0]).toMatch(/^0\.\d{4} {2}The last train leaves at midnight\.$/);
    expect(answer.found).toHaveLength(3);
  });

  it('gives the page and the package alone', async () => {
    expect((await fetch(`${url}/gguf-embed/index.js`)).status).toBe(200);
    for (const other of [
      '/gguf-embed//etc/passwd',
      '/gguf-embed/%2e%2e/package.json',
      '/package.json',
      '/gguf-embed/',
    ]) {
      expect((await fetch(url + other)).status, other).toBe(404);
    }
  });
});
