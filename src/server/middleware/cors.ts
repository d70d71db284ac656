/**
 * @file CORS headers and answers, as in llama-server.
 */
import type { Exchange, Middleware } from '../http/exchange.ts';
import type { Answer } from '../http/messages.ts';
import type { CorsOptions } from '../options.ts';

/** Sets the headers that say which origins may read answers, and answers OPTIONS requests. */
export function cors(options: CorsOptions): Middleware {
  return (exchange) => {
    allowOrigin(exchange, options);
    return exchange.request.method === 'OPTIONS' ? preflight(exchange, options) : undefined;
  };
}

/**
 * Sets `Access-Control-Allow-Origin`. Only an origin that is allowed by name may send credentials. A browser hides an answer
 * from the page unless the answer itself has this header.
 */
function allowOrigin({ request, headers }: Exchange, { origins = '*', credentials = true }: CorsOptions): void {
  const origin = request.header('origin') ?? '';
  if (origins === '*') {
    headers.set('Access-Control-Allow-Origin', credentials ? origin : '*');
    if (credentials) headers.set('Vary', 'Origin');
    return;
  }
  const named = namedOrigins(origins);
  if (origins === 'localhost' || named.length > 1) headers.set('Vary', 'Origin');
  const isAllowed = origins === 'localhost' ? isLocal(origin) : named.includes(origin);
  if (isAllowed) headers.set('Access-Control-Allow-Origin', origin);
  else if (named.length === 1 && origins !== 'localhost') headers.set('Access-Control-Allow-Origin', origins);
  if (isAllowed && credentials) headers.set('Access-Control-Allow-Credentials', 'true');
}

/** Answers an OPTIONS request. */
function preflight(
  exchange: Exchange,
  { origins = '*', methods = 'GET, POST, DELETE, OPTIONS', headers: allowed = '*', credentials = true }: CorsOptions,
): Answer {
  const { request, headers } = exchange;
  headers.set('Access-Control-Allow-Credentials', String(credentials));
  headers.set('Access-Control-Allow-Methods', methods);
  // If a request has credentials, browsers take `*` for a literal name.
  const asked = origins !== '*' && allowed === '*' && credentials && request.header('access-control-request-headers');
  headers.set('Access-Control-Allow-Headers', asked || allowed);
  if (asked) headers.append('Vary', 'Access-Control-Request-Headers');
  headers.set('Content-Type', 'text/html');
  return exchange.answer('');
}

function namedOrigins(origins: string): readonly string[] {
  return origins.split(',').map((origin) => origin.trim().replace(/\/$/, ''));
}

function isLocal(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(origin).hostname);
}
