/**
 * @file Headers that all answers have in common, as llama-server sends them.
 */
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../context.ts';

/** Every answer is JSON, unless its handler says otherwise. */
export const commonHeaders: MiddlewareHandler<Env> = async (c, next) => {
  c.header('Server', 'llama.cpp');
  c.header('Content-Type', 'application/json; charset=utf-8');
  await next();
};

/** Marks answers to HEAD. Comes after everything that refuses requests. */
export const headHeaders: MiddlewareHandler<Env> = async (c, next) => {
  if (c.req.method === 'HEAD') c.header('Accept-Ranges', 'bytes');
  await next();
};
