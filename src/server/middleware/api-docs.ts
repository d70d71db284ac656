/**
 * @file GET /docs: the page that shows the API. Its files are the same for everybody and need no API key; the description that it
 * shows (/openapi.json) needs one where there are keys.
 */
import type { Middleware } from '../http/exchange.ts';
import { isRead, type PageFiles } from './page.ts';

/** What the page may do: run its own scripts, and send requests to this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Answers GET and HEAD for the page, before a model is loaded and without a key. Without files it does nothing. */
export function serveApiDocs(files: PageFiles | undefined, prefix: string): Middleware {
  const root = `${prefix}/docs`;
  return async (exchange) => {
    const { path, headers } = exchange;
    if (files === undefined || !path.startsWith(root) || !isRead(exchange)) return undefined;
    // The addresses in the page are relative to the folder of /docs.
    if (path === `${root}/`) return exchange.redirect(root);
    const name = path === root ? 'index.html' : /^\/([\w-][\w.-]*)$/.exec(path.slice(root.length))?.[1];
    const file = name === undefined ? undefined : await files.read(name);
    if (file === undefined) return undefined;
    exchange.route = '/docs';
    headers.set('Content-Type', file.type);
    headers.set('Cache-Control', 'no-cache');
    headers.set('Content-Security-Policy', POLICY);
    headers.set('X-Content-Type-Options', 'nosniff');
    headers.set('Referrer-Policy', 'no-referrer');
    return exchange.answer(file.bytes);
  };
}
