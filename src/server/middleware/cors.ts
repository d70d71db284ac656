/**
 * @file Who may call: API keys and CORS, as llama-server handles them.
 */
import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';

/** CORS settings. */
export interface CorsOptions {
  /** `*`, `localhost`, or what the header is to say. Default `*`. */
  readonly origins?: string;
  /** Default `GET, POST, DELETE, OPTIONS`. */
  readonly methods?: string;
  /** Default `*`. */
  readonly headers?: string;
  /** Default true. */
  readonly credentials?: boolean;
}

/** Paths that need no key, with and without the path prefix. */
const publicPaths: ReadonlySet<string> = new Set(['/', '/health', '/v1/health']);

/** Whether a request may go on: always without keys. */
export function isAllowed(keys: readonly string[], prefix: string, path: string, headers: Headers): boolean {
  const isPublic = publicPaths.has(path) || (path.startsWith(prefix) && publicPaths.has(path.slice(prefix.length)));
  if (keys.length === 0 || isPublic) return true;
  const given = headers.get('authorization') || headers.get('x-api-key') || '';
  const key = given.startsWith('Bearer ') ? given.slice('Bearer '.length) : given;
  // Headers come as bytes, which runtimes take for Latin-1 although clients send UTF-8.
  const forms = [digest(Buffer.from(key, 'latin1')), digest(Buffer.from(key))];
  let found = false;
  for (const known of keys) {
    const wanted = digest(Buffer.from(known));
    for (const form of forms) found = timingSafeEqual(wanted, form) || found;
  }
  return found;
}

/** Digests have one length, so that comparing them tells nothing about that of a key. */
function digest(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/**
 * Sets `Access-Control-Allow-Origin`. Where an origin is allowed by name, so are its requests with credentials, which a
 * browser hides from the page unless the answer itself allows them.
 */
export function allowOrigin(c: Context, { origins = '*', credentials = true }: CorsOptions): void {
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
export function preflight(
  c: Context,
  { origins = '*', methods = 'GET, POST, DELETE, OPTIONS', headers = '*', credentials = true }: CorsOptions,
): Response {
  c.header('Access-Control-Allow-Credentials', String(credentials));
  c.header('Access-Control-Allow-Methods', methods);
  // In requests with credentials `*` is a name like any other.
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
