/**
 * @file The web page: static files, which need no API key. The page itself asks for the key, and sends it with each request.
 */
import type { Exchange, Middleware } from '../http/exchange.ts';

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
export function servePage(files: PageFiles | undefined, prefix: string): Middleware {
  return async (exchange) => {
    if (files === undefined || !isRead(exchange)) return undefined;
    const { path, headers } = exchange;
    // Below a prefix, the addresses of the page are relative to its slash.
    if (prefix !== '' && path === prefix) return exchange.redirect(`${prefix}/`);
    const name = pageFile(path, prefix);
    const file = name === undefined ? undefined : await files.read(name);
    if (file === undefined) return undefined;
    exchange.route = '/';
    headers.set('Content-Type', file.type);
    headers.set('Cache-Control', 'no-cache');
    // Workers of the page share memory only with these.
    headers.set('Cross-Origin-Opener-Policy', 'same-origin');
    headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
    headers.set('Content-Security-Policy', await policy(files));
    return exchange.answer(name === 'index.html' ? forServer(file.bytes) : file.bytes);
  };
}

/** Whether a request only reads. */
export function isRead({ request: { method } }: Exchange): boolean {
  return method === 'GET' || method === 'HEAD';
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
