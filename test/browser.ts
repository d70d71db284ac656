/**
 * @file A page in headless Chromium that has the files of a folder at hand and posts one answer.
 *
 * Chromium is looked for in the path (CHROMIUM names another). Without it these tests are skipped and say so; with
 * GGUF_EMBED_REQUIRE_BROWSER=1 (CI) they fail.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe } from 'vitest';

const root = new URL('../', import.meta.url);
const types: Record<string, string> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html; charset=utf-8',
};
const chromium = process.env.CHROMIUM ?? 'chromium';
const found = spawnSync(chromium, ['--version']).status === 0;
if (!found) {
  const message = `browser tests are skipped: there is no ${chromium} (scripts/ci-install-chromium.sh installs it on Debian)`;
  if (process.env.GGUF_EMBED_REQUIRE_BROWSER === '1') throw new Error(message);
  console.warn(message);
}

/** `describe` where there is a browser. */
export const describeBrowser = describe.skipIf(!found);

/** How a page is served and opened. */
interface Visit {
  /** With the headers that let workers share memory. */
  readonly isolated?: boolean;
  /** The Content-Security-Policy of the page. */
  readonly policy?: string;
  /** Where the files are that the page can ask for. Default: the repository. */
  readonly files?: URL;
  /** Origin of a server that has the files instead. */
  readonly proxy?: string;
  /** Files on this machine beside those of that server, by path. */
  readonly own?: Readonly<Record<string, string>>;
  /** More flags of Chromium. */
  readonly flags?: readonly string[];
}

/**
 * Opens a page whose module script is `script`; gives what that posts to `/answer` as JSON.
 * @throws Error when the browser ends before
 */
export async function visit<Answer>(
  script: string,
  { isolated = false, policy, files = root, proxy, own = {}, flags = [] }: Visit = {},
): Promise<Answer> {
  let answered: (answer: Answer) => void = () => {};
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream');
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    if (policy !== undefined) response.setHeader('Content-Security-Policy', policy);
    if (path === '/page.html') response.end(`<!doctype html><script type="module">${script}</script>`);
    else if (path === '/answer') {
      answered(JSON.parse(await text(request)));
      response.end();
    } else if (own[path] !== undefined) response.end(await readFile(own[path]));
    else if (proxy !== undefined) {
      const { method, headers } = request;
      const kept = ['authorization', 'content-type'].flatMap((name) => (headers[name] ? [[name, headers[name]]] : []));
      const body = method === 'POST' ? await text(request) : undefined;
      const answer = await fetch(proxy + path, { method, body, headers: Object.fromEntries(kept) });
      for (const name of ['content-type', 'content-security-policy']) {
        const value = answer.headers.get(name)?.replace("frame-ancestors 'none'", "frame-ancestors 'self'");
        if (value !== undefined) response.setHeader(name, value);
      }
      response.writeHead(answer.status).end(new Uint8Array(await answer.arrayBuffer()));
    } else {
      const file = await readFile(new URL(`.${path}`, files)).catch(() => undefined);
      const [, begin, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (file === undefined) response.writeHead(404).end();
      else if (begin === undefined) response.end(file);
      else {
        const part = file.subarray(Number(begin), Number(last) + 1);
        response.setHeader('Content-Range', `bytes ${begin}-${Number(begin) + part.length - 1}/${file.length}`);
        response.writeHead(206).end(part);
      }
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const profile = await mkdtemp(join(tmpdir(), 'gguf-embed-browser-'));
  const basic = [
    '--headless=new',
    '--no-sandbox',
    '--no-first-run',
    '--disable-dev-shm-usage',
    `--user-data-dir=${profile}`,
  ];
  let browser: ChildProcess | undefined;
  try {
    return await new Promise<Answer>((resolve, reject) => {
      answered = resolve;
      browser = spawn(chromium, [...basic, ...flags, `http://127.0.0.1:${port}/page.html`], { stdio: 'ignore' });
      browser.on('exit', (code) => reject(new Error(`the browser ended with exit code ${code}`)));
    });
  } finally {
    if (browser?.exitCode === null) {
      const gone = once(browser, 'exit');
      browser.kill('SIGKILL');
      await gone;
    }
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 300 });
  }
}
