/**
 * @file API keys, as llama-server checks them.
 */
import { Buffer } from 'node:buffer';
import type { Middleware } from '../http/exchange.ts';
import type { ServerRequest } from '../http/messages.ts';
import { refuse } from './errors.ts';

/** Paths that need no key, with and without the path prefix. */
const publicPaths: ReadonlySet<string> = new Set(['/', '/health', '/v1/health']);

/** Refuses requests without an accepted key. If there are no keys, it admits all requests. */
export function checkKey(keys: readonly string[], prefix: string): Middleware {
  const accepted = keys.map((key) => digest(Buffer.from(key)));
  const isPublic = (path: string) =>
    publicPaths.has(path) || (path.startsWith(prefix) && publicPaths.has(path.slice(prefix.length)));
  return (exchange) => {
    exchange.isAccepted = accepted.length === 0 || isPublic(exchange.path) || isKnown(accepted, exchange.request);
    return exchange.isAccepted ? undefined : refuse(exchange, 'authentication_error', 'Invalid API Key');
  };
}

function isKnown(accepted: readonly Uint8Array[], request: ServerRequest): boolean {
  const given = request.header('authorization') || request.header('x-api-key') || '';
  const key = given.startsWith('Bearer ') ? given.slice('Bearer '.length) : given;
  // Runtimes decode header bytes as Latin-1, but clients send UTF-8.
  const forms = [digest(Buffer.from(key, 'latin1')), digest(Buffer.from(key))];
  let found = false;
  for (const wanted of accepted) {
    for (const form of forms) found = crypto().timingSafeEqual(wanted, form) || found;
  }
  return found;
}

/** All digests have the same length, so that comparing them does not reveal the length of a key. */
function digest(bytes: Uint8Array): Uint8Array {
  return crypto().createHash('sha256').update(bytes).digest();
}

/** On demand: most servers have no keys, and loading it takes 5 ms. */
function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
