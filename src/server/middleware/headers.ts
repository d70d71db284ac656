/**
 * @file Headers that every answer has, as in llama-server.
 */
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../context.ts';

/** Sets the content type to JSON. A handler can change it. */
export const commonHeaders: MiddlewareHandler<Env> = async (c, next) => {
  c.header('Server', 'llama.cpp');
  c.header('Content-Type', 'application/json; charset=utf-8');
  await next();
};

/** Marks answers to HEAD. It runs after all middleware that can refuse a request. */
export const headHeaders: MiddlewareHandler<Env> = async (c, next) => {
  if (c.req.method === 'HEAD') c.header('Accept-Ranges', 'bytes');
  await next();
};
