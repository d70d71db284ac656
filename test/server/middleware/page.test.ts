/**
 * @file The web page as files of the server: without a key, before the model is loaded, below a prefix, and not at all.
 */
import { expect, it } from 'vitest';
import { createApp, type Engine, type PageFiles } from '../../../src/server/index.ts';

const html = '<!doctype html><html lang="en"><meta http-equiv="Content-Security-Policy" content="script-src \'self\'">';
const contents: Readonly<Record<string, string>> = { 'index.html': html, 'page/main.js': 'let a;' };
const page: PageFiles = {
  async read(path) {
    const text = contents[path];
    return text === undefined ? undefined : { type: 'text/x-test', bytes: new TextEncoder().encode(text) };
  },
};
const loading = new Promise<Engine>(() => {});
const app = (options: object) => createApp(loading, { page, ...options });
const ask = async (path: string, options: object = {}, method = 'GET') => {
  const response = await app(options).fetch(new Request(`http://host${path}`, { method }));
  return { status: response.status, headers: response.headers, text: await response.text() };
};

it('needs neither a model nor a key, and tells the page that a server is behind it', async () => {
  const { status, headers, text } = await ask('/', { apiKeys: ['k'] });
  expect(status).toBe(200);
  expect(text).toContain('<html data-server lang="en">');
  expect(headers.get('content-security-policy')).toBe("script-src 'self'; frame-ancestors 'none'");
  expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
  expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  expect(await ask('/page/main.js', { apiKeys: ['k'] })).toMatchObject({ status: 200, text: 'let a;' });
  expect(await ask('/', {}, 'HEAD')).toMatchObject({ status: 200, text: '' });
});

it('is below the prefix, and its addresses are relative to the slash', async () => {
  const { status, headers } = await ask('/a/b', { prefix: 'a/b' });
  expect([status, headers.get('location')]).toEqual([308, '/a/b/']);
  expect((await ask('/a/b/', { prefix: 'a/b' })).status).toBe(200);
  expect((await ask('/a/b/page/main.js', { prefix: 'a/b' })).status).toBe(200);
  expect((await ask('/page/main.js', { prefix: 'a/b' })).status).toBe(503);
});

it('answers for its own files only', async () => {
  for (const path of ['/page/', '/page/none.js', '/page/..%2findex.html', '/page/a/b.js', '/health']) {
    expect((await ask(path)).status, path).toBe(503);
  }
  expect((await ask('/', {}, 'POST')).status).toBe(503);
});

it('is not there without files', async () => {
  expect((await ask('/', { page: undefined })).status).toBe(503);
});
