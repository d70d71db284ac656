/**
 * @file The page in Chromium: from the server of this package, and as static files without a server.
 *
 * CHROMIUM names another Chromium than the one in the path. Without it these tests are skipped and say so; with
 * GGUF_EMBED_REQUIRE_BROWSER=1 (CI) they fail.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { listening, run, start } from '../cli/run.ts';

/** The bundled embedding model. */
export const minilm = fileURLToPath(new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));

/** Starts the browser that the tests of one file share. */
export function startBrowser(): Promise<Browser> {
  const path = spawnSync('sh', ['-c', `command -v "${process.env.CHROMIUM ?? 'chromium'}"`], { encoding: 'utf8' });
  return chromium.launch({ executablePath: path.stdout.trim(), args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A page and what went wrong in it: errors of scripts, and what the policy refused. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // The page handles answers with an error status itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      problems.push(message.text());
  });
  await page.goto(url);
  return { page, problems };
}

/** What axe-core says of the page as it is. The page must be opened with `bypassCSP`: its policy refuses scripts that are not its own. */
export async function violations(page: Page): Promise<string[]> {
  await page.addScriptTag({ content: axe.source });
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const found = await axe.run();
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}

/**
 * Counts the time of the processor that the page's own thread takes from now on: `spent()` gives seconds. On a machine with other work, the
 * clock says nothing about what holds a page up.
 */
export async function watchThread(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  const before = await read();
  return async () => (await read()) - before;
}

/** Starts `serve` with the arguments; `stop` ends it. */
export async function startServer(args: readonly string[]): Promise<{ url: string; stop(): Promise<void> }> {
  const { child, end, url } = await listening(start(['serve', '--port', '0', ...args]));
  return {
    url: `${url}/`,
    async stop() {
      child.kill();
      await end;
    },
  };
}

/** Starts a browser and a server for the tests of a block; the function opens a page of the server. */
export function pagesOfServer(args: readonly string[]) {
  let browser: Browser | undefined;
  let server: Awaited<ReturnType<typeof startServer>> | undefined;
  beforeAll(async () => {
    [browser, server] = await Promise.all([startBrowser(), startServer(args)]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });
  return (path = '', options: BrowserContextOptions = {}) => openPage(browser!, server!.url + path, options);
}

/** Writes the page into a folder with the program. */
export async function writePage(folder: string): Promise<void> {
  const { code, stderr } = await run(['page', '--out', folder]);
  if (code !== 0) throw new Error(stderr);
}

const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** A static host for a folder, for one more file at `/model.gguf`, and for half of it at `/cut.gguf`. */
export async function serveFolder(folder: string, isIsolated: boolean): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const path = request.url === '/' ? '/index.html' : (request.url ?? '');
    const isModel = path === '/model.gguf' || path === '/cut.gguf';
    const file = await readFile(isModel ? minilm : join(folder, path)).catch(() => undefined);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream');
    response.setHeader('Content-Length', file.length);
    if (isIsolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    if (path === '/cut.gguf') response.write(file.subarray(0, file.length / 2), () => response.destroy());
    else response.end(file);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}
