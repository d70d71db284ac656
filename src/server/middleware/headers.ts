/**
 * @file Headers that every answer has, as in llama-server.
 */
import type { Middleware } from '../http/exchange.ts';

/** Sets the content type to JSON. A handler can change it. */
export const commonHeaders: Middleware = ({ headers }) => {
  headers.set('Server', 'llama.cpp');
  headers.set('Content-Type', 'application/json; charset=utf-8');
  return undefined;
};

/** Marks answers to HEAD. It runs after all middleware that can refuse a request. */
export const headHeaders: Middleware = ({ request, headers }) => {
  if (request.method === 'HEAD') headers.set('Accept-Ranges', 'bytes');
  return undefined;
};
