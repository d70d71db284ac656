/**
 * @file GET /docs: the page that shows the API. Its files are the same for everybody and need no API key; the description that it
 * shows (/openapi.json) needs one where there are keys.
 */
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../context.ts';
import type { PageFiles } from './page.ts';

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
export function serveApiDocs(files: PageFiles | undefined, prefix: string): MiddlewareHandler<Env> {
  const root = `${prefix}/docs`;
  return async (c, next) => {
    const { path, method } = c.req;
    if (files === undefined || !path.startsWith(root) || !['GET', 'HEAD'].includes(method)) return next();
    // The addresses in the page are relative to the folder of /docs.
    if (path === `${root}/`) return c.redirect(root, 308);
    const name = path === root ? 'index.html' : /^\/([\w-][\w.-]*)$/.exec(path.slice(root.length))?.[1];
    const file = name === undefined ? undefined : await files.read(name);
    if (file === undefined) return next();
    c.set('route', '/docs');
    c.header('Content-Type', file.type);
    c.header('Cache-Control', 'no-cache');
    c.header('Content-Security-Policy', POLICY);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Referrer-Policy', 'no-referrer');
    return c.body(file.bytes);
  };
}
