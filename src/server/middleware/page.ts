/**
 * @file The web page: static files, which need no API key. The page itself asks for the key, and sends it with each request.
 */
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../context.ts';

/** The files of the page. */
export interface PageFiles {
  /** A file by its path: `index.html`, `page/main.js`. `undefined` if there is none. */
  read(path: string): Promise<PageFile | undefined>;
}

/** One file. */
export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Answers GET and HEAD for the page, before a model is loaded and without a key. Without files it does nothing. */
export function servePage(files: PageFiles | undefined, prefix: string): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (files === undefined || !['GET', 'HEAD'].includes(c.req.method)) return next();
    const { path } = c.req;
    // Below a prefix, the addresses of the page are relative to its slash.
    if (prefix !== '' && path === prefix) return c.redirect(`${prefix}/`, 308);
    const name = pageFile(path, prefix);
    const file = name === undefined ? undefined : await files.read(name);
    if (file === undefined) return next();
    c.set('route', '/');
    c.header('Content-Type', file.type);
    c.header('Cache-Control', 'no-cache');
    // Workers of the page share memory only with these.
    c.header('Cross-Origin-Opener-Policy', 'same-origin');
    c.header('Cross-Origin-Embedder-Policy', 'require-corp');
    c.header('Content-Security-Policy', await policy(files));
    return c.body(name === 'index.html' ? forServer(file.bytes) : file.bytes);
  };
}

function pageFile(path: string, prefix: string): string | undefined {
  if (!path.startsWith(`${prefix}/`)) return undefined;
  const rest = path.slice(prefix.length + 1);
  if (rest === '' || rest === 'index.html') return 'index.html';
  return /^page\/[\w.-]+$/.test(rest) ? rest : undefined;
}

/** Tells the page that a server is behind it. */
function forServer(html: Uint8Array): string {
  return new TextDecoder().decode(html).replace('<html ', '<html data-server ');
}

/** What the page allows itself. As a header it holds for its workers, too. */
async function policy(files: PageFiles): Promise<string> {
  const html = new TextDecoder().decode((await files.read('index.html'))?.bytes);
  const [, found = "default-src 'none'"] = /Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
  return `${found}; frame-ancestors 'none'`;
}
