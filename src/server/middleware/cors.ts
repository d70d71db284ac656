/**
 * @file CORS headers and answers, as in llama-server.
 */
import type { Context, MiddlewareHandler } from 'hono';
import type { Env } from '../context.ts';
import type { CorsOptions } from '../options.ts';

/** Sets the headers that say which origins may read answers, and answers OPTIONS requests. */
export function cors(options: CorsOptions): MiddlewareHandler<Env> {
  return async (c, next) => {
    allowOrigin(c, options);
    if (c.req.method === 'OPTIONS') return preflight(c, options);
    await next();
  };
}

/**
 * Sets `Access-Control-Allow-Origin`. Only an origin that is allowed by name may send credentials. A browser hides an answer
 * from the page unless the answer itself has this header.
 */
function allowOrigin(c: Context<Env>, { origins = '*', credentials = true }: CorsOptions): void {
  const origin = c.req.header('origin') ?? '';
  if (origins === '*') {
    c.header('Access-Control-Allow-Origin', credentials ? origin : '*');
    if (credentials) c.header('Vary', 'Origin');
    return;
  }
  const named = namedOrigins(origins);
  if (origins === 'localhost' || named.length > 1) c.header('Vary', 'Origin');
  const isAllowed = origins === 'localhost' ? isLocal(origin) : named.includes(origin);
  if (isAllowed) c.header('Access-Control-Allow-Origin', origin);
  else if (named.length === 1 && origins !== 'localhost') c.header('Access-Control-Allow-Origin', origins);
  if (isAllowed && credentials) c.header('Access-Control-Allow-Credentials', 'true');
}

/** Answers an OPTIONS request. */
function preflight(
  c: Context<Env>,
  { origins = '*', methods = 'GET, POST, DELETE, OPTIONS', headers = '*', credentials = true }: CorsOptions,
): Response {
  c.header('Access-Control-Allow-Credentials', String(credentials));
  c.header('Access-Control-Allow-Methods', methods);
  // If a request has credentials, browsers take `*` for a literal name.
  const asked = origins !== '*' && headers === '*' && credentials && c.req.header('access-control-request-headers');
  c.header('Access-Control-Allow-Headers', asked || headers);
  if (asked) c.header('Vary', 'Access-Control-Request-Headers', { append: true });
  c.header('Content-Type', 'text/html');
  return c.body('');
}

function namedOrigins(origins: string): readonly string[] {
  return origins.split(',').map((origin) => origin.trim().replace(/\/$/, ''));
}

function isLocal(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(origin).hostname);
}
