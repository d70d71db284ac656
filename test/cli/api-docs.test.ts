/**
 * @file /docs of the served program: the page in Chromium, which shows the routes and sends a request, with and without a key.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { describeBrowser, visit } from '../browser.ts';
import { listening, model, start } from './run.ts';

const children: ReturnType<typeof start>[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

async function serve(...args: string[]): Promise<string> {
  const child = start(['serve', '--port', '0', '-t', '1', ...args]);
  children.push(child);
  return (await listening(child)).url;
}

it('gives its files without a key, with a strict policy, and no other files', async () => {
  const url = await serve('-m', model('bert-mean'), '--api-key', 'key', '--api-prefix', '/p');
  const page = await fetch(`${url}/p/docs`);
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  const policy = page.headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
  expect(policy).not.toContain('unsafe');
  const html = await page.text();
  const named = Array.from(html.matchAll(/(?:src|href)="(docs\/[^"]+)"/g), ([, name]) => name);
  expect(named).toHaveLength(4);
  for (const name of named) expect((await fetch(`${url}/p/${name}`)).status).toBe(200);
  const bundle = await (await fetch(`${url}/p/docs/swagger-ui-bundle.js`)).text();
  const packaged = fileURLToPath(new URL('../../node_modules/swagger-ui-dist/swagger-ui-bundle.js', import.meta.url));
  expect(readFileSync(packaged, 'utf8').startsWith(bundle.trimEnd())).toBe(true);
  expect(await (await fetch(`${url}/p/docs/LICENSE.txt`)).text()).toContain('Apache License');
  expect((await fetch(`${url}/p/docs`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${url}/p/docs/`)).url).toBe(`${url}/p/docs`);
  for (const path of ['/p/docs/nothing.js', '/p/docs/..%2fcli%2fmain.js', '/p/docsx', '/p/openapi.json', '/docs']) {
    expect((await fetch(url + path)).status, path).toBe(401);
  }
  expect((await fetch(`${url}/p/docs`, { method: 'POST' })).status).toBe(401);
});

it('is not there with --no-ui, and is of a server of several models', async () => {
  const url = await serve('-m', model('bert-mean'), '--no-ui');
  for (const path of ['/docs', '/docs/page.js']) expect((await fetch(url + path)).status).toBe(404);
  const several = await serve('-m', model('bert-mean'), '-m', model('bert-cls'));
  expect((await fetch(`${several}/docs`)).status).toBe(200);
});

/** Opens the page in a frame, does what a user does, and collects what the policy refuses. */
const script = (key: string | undefined) => `
const frame = document.createElement('iframe');
frame.src = '/docs';
document.body.append(frame);
await new Promise((resolve) => frame.addEventListener('load', resolve));
const page = frame.contentDocument;
const refused = [];
page.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => refused.push([violatedDirective, blockedURI]));
const until = async (find) => {
  for (;;) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const asked = [];
if (${JSON.stringify(key)} !== undefined) {
  for (const key of ['wrong', ${JSON.stringify(key)}]) {
    const form = await until(() => page.querySelector('#access:not([hidden])'));
    asked.push(page.getElementById('status').textContent);
    page.getElementById('key').value = key;
    form.requestSubmit();
    await until(() => form.hidden || page.getElementById('status').textContent !== asked.at(-1));
  }
}
const operation = await until(() => page.querySelector('#operations-default-post_tokenize'));
const paths = Array.from(page.querySelectorAll('.opblock-summary-path'), ({ textContent }) => textContent.replaceAll('\\u200b', ''));
operation.querySelector('.opblock-summary-control').click();
(await until(() => operation.querySelector('.try-out__btn'))).click();
const body = await until(() => operation.querySelector('textarea.body-param__text'));
Object.getOwnPropertyDescriptor(frame.contentWindow.HTMLTextAreaElement.prototype, 'value').set.call(body, '{"content":"hello"}');
body.dispatchEvent(new frame.contentWindow.Event('input', { bubbles: true }));
await new Promise((resolve) => setTimeout(resolve, 300));
(await until(() => operation.querySelector('.execute'))).click();
const status = await until(() => operation.querySelector('.live-responses-table tbody .response-col_status')?.textContent);
const answer = operation.querySelector('.live-responses-table .highlight-code, .live-responses-table .microlight').textContent;
const loaded = frame.contentWindow.performance.getEntriesByType('resource').map(({ name }) => new URL(name).origin);
await fetch('/answer', { method: 'POST', body: JSON.stringify({
  asked, paths, status, answer, refused, origins: [...new Set(loaded)].filter((origin) => origin !== location.origin),
}) });`;

interface Seen {
  readonly asked: string[];
  readonly paths: string[];
  readonly status: string;
  readonly answer: string;
  readonly refused: unknown[];
  readonly origins: string[];
}

describeBrowser('the page', () => {
  it.each([
    ['without a key', [], undefined, []],
    [
      'with a key',
      ['--api-key', 'secret'],
      'secret',
      ['This server needs an API key.', 'The server does not accept this key.'],
    ],
  ] as const)('shows the routes and sends a request %s', async (_, flags, key, questions) => {
    const url = await serve('-m', model('bert-mean'), ...flags);
    const seen = await visit<Seen>(script(key), { proxy: url });
    expect(seen.asked).toEqual(questions);
    expect(seen.paths).toEqual(expect.arrayContaining(['/v1/embeddings', '/v1/rerank', '/tokenize', '/health']));
    expect(seen.status).toContain('200');
    expect(seen.answer).toContain('"tokens"');
    expect(seen.origins).toEqual([]);
    expect(seen.refused).toEqual([]);
  });
});
